import ClaroAPI
import Crypto
import FUSE

/// A file whose bytes are in memory. It never changes: other bytes are another `TextFile`, with another inode.
final class TextFile: Sendable {
    /// What is to be known of it when its bytes are not in memory.
    struct Facts: Sendable {
        let name: FileName
        let byteCount: Int
        let digest: Digest
        let modified: Timestamp
        let mimeType: String
        /// The name that an attachment has in Claro; nil for all else.
        let originalName: String?
    }

    let facts: Facts
    let bytes: [UInt8]

    init(_ name: FileName, _ bytes: [UInt8], modified: Timestamp, mimeType: String, originalName: String? = nil) {
        self.bytes = bytes
        facts = Facts(
            name: name,
            byteCount: bytes.count,
            digest: SHA256.hash(data: bytes),
            modified: modified,
            mimeType: mimeType,
            originalName: originalName
        )
    }

    var name: FileName { facts.name }
    var digest: Digest { facts.digest }
    var modified: Timestamp { facts.modified }
}

/// An attachment that is fetched from the storage host when it is read.
struct Attachment: Sendable {
    let name: FileName
    let key: BlobKey
    let modified: Timestamp
    let mimeType: String?
    let originalName: String?
}

/// All that one request tells of a version, as files. It never changes: what is fetched later is another body.
final class VersionBody: Sendable {
    enum ContextEntry: Sendable {
        case text(TextFile)
        case attachment(Attachment)

        var name: FileName {
            switch self {
            case .text(let file): file.name
            case .attachment(let attachment): attachment.name
            }
        }
    }

    /// `content.md` and, where they are not empty, `system.md` and `critique.md`.
    let texts: [TextFile]
    let metadata: TextFile
    /// `variables.json`: the placeholders of the texts; nil where there are none.
    let variables: TextFile?
    /// With the directory offset of each, which a name keeps when the body is fetched again.
    let context: [(offset: DirectoryOffset, entry: ContextEntry)]
    /// What the answer says it is, if it says so in a form that can be read.
    let version: Version?
    let id: String?
    let title: String?
    let etag: String?
    /// When it was made or, for what can change, when it was last seen to change.
    let modified: Timestamp
    let fetchedAt: Timestamp
    /// Of metadata without `generatedAt`, which changes from answer to answer.
    private let metadataDigest: Digest

    /// Unchanged files are those of `previous`, the body fetched before. Where it `isPublished` the texts are its texts
    /// whatever the answer says: a published text does not change. `fallbackTime` is for what Claro gives no time;
    /// `changed` is when the files changed, where that is known from before.
    init(
        _ prompt: Prompt,
        previous: VersionBody?,
        isPublished: Bool,
        fallbackTime: Timestamp,
        changed: Timestamp? = nil,
        fetched: Timestamp = .now()
    ) {
        let created = prompt.createdAt ?? fallbackTime
        let changed = changed ?? (previous == nil ? created : fetched)
        let textsChanged = isPublished ? prompt.createdAt ?? changed : changed
        let comparable = SHA256.hash(data: Self.comparableMetadata(prompt.metadata).serialized())

        func file(_ name: FileName, _ bytes: [UInt8]?, _ mimeType: String) -> TextFile? {
            guard let bytes else { return nil }
            let old = previous?.file(named: name)
            if let old, old.bytes == bytes { return old }
            return TextFile(name, bytes, modified: textsChanged, mimeType: mimeType)
        }

        if let previous, isPublished {
            texts = previous.texts
        } else {
            texts = [
                file("content.md", prompt.content, "text/markdown"),
                file("system.md", prompt.systemPrompt, "text/markdown"),
                file("critique.md", prompt.critiquePrompt, "text/markdown"),
            ].compactMap(\.self)
        }
        let placeholders = Placeholder.all(in: texts.map(\.bytes)).map(\.json)
        let listed = placeholders.isEmpty ? nil : JSONValue.array(placeholders).serialized()
        variables = file("variables.json", listed, "application/json")
        if let previous, previous.metadataDigest == comparable {
            metadata = previous.metadata
        } else {
            let bytes = prompt.metadata.serialized()
            metadata = TextFile("metadata.json", bytes, modified: changed, mimeType: "application/json")
        }
        metadataDigest = comparable
        context = Self.contextEntries(prompt.context, previous: previous, created: created)
        version = prompt.version
        id = prompt.id
        title = prompt.title
        etag = prompt.etag
        fetchedAt = fetched
        let files = texts + [metadata]
        modified = files.map(\.modified).max() ?? created
    }

    /// All files beside `context`, in a directory's order.
    var files: [TextFile] { texts + [metadata] + (variables.map { [$0] } ?? []) }

    /// One of the files beside `context`.
    func file(named name: FileName) -> TextFile? {
        files.first { $0.name == name }
    }

    /// Every file whose bytes are here.
    var textFiles: [TextFile] {
        files + context.compactMap { if case .text(let file) = $0.entry { file } else { nil } }
    }

    /// The file of which these are the facts, if it still has it.
    func textFile(_ facts: TextFile.Facts) -> TextFile? {
        textFiles.first { $0.name == facts.name && $0.digest == facts.digest }
    }

    /// What it takes in memory, nearly.
    var byteCount: Int { 1024 + textFiles.reduce(0) { $0 + $1.bytes.count } }

    func contextEntry(named name: FileName) -> ContextEntry? { context.first { $0.entry.name == name }?.entry }

    /// Whether the two have the same files.
    func isSame(as other: VersionBody) -> Bool {
        metadataDigest == other.metadataDigest && texts.map(\.digest) == other.texts.map(\.digest)
    }

    private static func comparableMetadata(_ metadata: JSONValue) -> JSONValue {
        guard case .object(let members) = metadata else { return metadata }
        return .object(
            members.map { member in
                guard member.key == "metadata" else { return member }
                return JSONValue.Member(key: member.key, value: member.value.removing(["generatedAt"]))
            }
        ).removing(["generatedAt"])
    }

    private static func contextEntries(
        _ items: [ContextItem],
        previous: VersionBody?,
        created: Timestamp
    ) -> [(DirectoryOffset, ContextEntry)] {
        var known: [FileName: (offset: DirectoryOffset, entry: ContextEntry)] = [:]
        for entry in previous?.context ?? [] { known[entry.entry.name] = entry }
        var next = (known.values.map(\.offset).max() ?? ClaroFileSystem.lastDotOffset) + 1
        let entries = zip(items, AttachmentName.names(of: items)).map { item, name in
            let old = known[name]
            let offset = old?.offset ?? next
            if old == nil { next += 1 }
            return (offset, contextEntry(item, name, old: old?.entry, created: created))
        }
        return entries.sorted { $0.0 < $1.0 }
    }

    private static func contextEntry(
        _ item: ContextItem,
        _ name: FileName,
        old: ContextEntry?,
        created: Timestamp
    ) -> ContextEntry {
        let modified = item.createdAt ?? created
        switch item.kind {
        case .file(let fileName, let byteCount, let mimeType):
            return .attachment(
                Attachment(
                    name: name,
                    key: BlobKey(itemID: item.id, claimedByteCount: byteCount, createdAt: item.createdAt),
                    modified: modified,
                    mimeType: mimeType,
                    originalName: fileName
                )
            )
        case .url(let url):
            let isShortcut = AttachmentName.isWebAddress(url)
            let line = url.unicodeScalars.filter { $0 != "\r" && $0 != "\n" }
            let text = isShortcut ? "[InternetShortcut]\nURL=\(String(line))\n" : url + "\n"
            let bytes = Array(text.utf8)
            if case .text(let file)? = old, file.bytes == bytes, file.modified == modified { return .text(file) }
            let mimeType = isShortcut ? "application/x-mswinurl" : "text/plain"
            return .text(
                TextFile(name, bytes, modified: modified, mimeType: mimeType, originalName: item.label)
            )
        }
    }
}
