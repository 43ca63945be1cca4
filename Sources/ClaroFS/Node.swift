import ClaroAPI
import FUSE

/// What an inode stands for.
///
/// There is one for each inode that the kernel holds, mostly prompts: what is larger is kept apart (`indirect`).
enum Node: Sendable {
    case root
    /// `.claro`, where the mount tells about itself.
    case control
    /// A file in `.claro`, as it was at its lookup.
    case report(TextFile)
    /// `@acme`, whether the listing has it or not.
    case namespace(String)
    case prompt(PromptName)
    case link(target: String, modified: Timestamp)
    /// A version's directory, also a draft's or one with variables.
    indirect case version(VersionKey)
    /// With its bytes, unless the store has them.
    indirect case text(VersionKey, TextFile.Facts, TextFile?)
    /// A version's `context` directory.
    indirect case context(VersionKey)
    indirect case attachment(VersionKey, Attachment)

    var kind: Attributes.Kind {
        switch self {
        case .root, .control, .namespace, .prompt, .version, .context: .directory
        case .report, .text, .attachment: .file
        case .link: .symlink
        }
    }

    /// The version that it is or belongs to.
    var versionKey: VersionKey? {
        switch self {
        case .version(let key), .text(let key, _, _), .context(let key), .attachment(let key, _): key
        default: nil
        }
    }
}

/// What makes an inode number the same one again: a place in the tree and, where what is there can change, the body.
struct Identity: Hashable, Sendable {
    let parent: InodeNumber
    let name: FileName
    /// SHA-256, or nothing.
    let bodyBytes: [UInt8]

    init(_ name: FileName, in parent: InodeNumber, body: Digest? = nil) {
        self.init(name, in: parent, bodyBytes: body.map { Array($0) } ?? [])
    }

    init(_ name: FileName, in parent: InodeNumber, bodyBytes: [UInt8]) {
        self.parent = parent
        self.name = name
        self.bodyBytes = bodyBytes
    }

    init(_ name: String, in parent: InodeNumber) { self.init(FileName(name), in: parent) }
}
