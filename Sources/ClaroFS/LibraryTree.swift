import ClaroAPI
import FUSE
import Glibc
import Logging
import SystemPackage

/// A library without a mount: the same names and bytes from the same store, for programs that run where nothing can be
/// mounted. What it fetches mounts need not fetch again, and the other way round.
package final class LibraryTree: Sendable {
    package struct Item: Sendable {
        package enum Kind: String, Sendable {
            case directory, file, link
        }

        package let name: String
        package let kind: Kind
        /// Of a file; nil where nobody has told it yet.
        package var byteCount: Int64?
        package var modified: Timestamp?
        /// Of a link.
        package var target: String?
    }

    let client: ClaroClient
    let library: Library
    let blobs: BlobCache
    let configuration: ClaroFileSystem.Configuration
    private let fileSystem: ClaroFileSystem

    package init(_ configuration: ClaroFileSystem.Configuration, client: ClaroClient, logger: Logger) {
        fileSystem = ClaroFileSystem(
            configuration,
            client: client,
            invalidations: Invalidations(),
            requestCounts: RequestCounts(),
            logger: logger
        )
        self.client = client
        self.configuration = configuration
        library = fileSystem.library
        blobs = fileSystem.blobs
    }

    /// Leaves the store as the next user of it should find it.
    package func end() { fileSystem.finish() }

    /// What was served although it could not be renewed, and why.
    package var stale: [(subject: String, cause: String)] { library.stale.all }

    // MARK: Listing

    /// What is in a directory. Sizes of attachments are as the API claims them, until one was read.
    ///
    /// - Throws: ENOTDIR, and as `Library.body`.
    package func items(at path: LibraryPath) async throws(Errno) -> [Item] {
        switch path {
        case .root:
            let shown = try await library.currentListing().namespaces.filter { namespace in
                namespace.prompts.contains { library.isIncluded($0.name) }
            }
            return shown.map { Item(name: "@\($0.name)", kind: .directory, modified: $0.modified) }.sortedByName()
        case .namespace(let name):
            guard let namespace = try await library.currentListing().namespace(name) else {
                throw .noSuchFileOrDirectory
            }
            let shown = namespace.prompts.filter { library.isIncluded($0.name) }
            return shown.map { prompt in
                let modified = prompt.modified(orElse: library.mountTime)
                return Item(name: prompt.name.slug, kind: .directory, modified: modified)
            }.sortedByName()
        case .prompt(let prompt): return try await versions(of: prompt)
        case .version(let key):
            let body = try await body(of: key)
            let context: [Item] = body.context.isEmpty ? [] : [Item(name: "context", kind: .directory)]
            return body.files.map(item) + context
        case .context(let key):
            let body = try await body(of: key)
            guard !body.context.isEmpty else { throw .noSuchFileOrDirectory }
            return body.context.map { item($0.entry) }
        case .file, .contextFile: throw .notDirectory
        }
    }

    private func versions(of prompt: PromptName) async throws(Errno) -> [Item] {
        guard library.isIncluded(prompt) else { throw .noSuchFileOrDirectory }
        library.restoreNames(of: prompt)
        let newest = try await newestForListing(of: prompt)
        let draft: [Item] = library.isDraftListed(prompt) ? [Item(name: "v0", kind: .directory)] : []
        switch newest {
        case .published(let number):
            let versions = library.publishedVersions(of: prompt, upTo: number)
            let latest = Item(name: "latest", kind: .link, target: "v\(number)")
            return [latest] + draft + versions.map { Item(name: "v\($0)", kind: .directory) }
        case .opaque: return [Item(name: "latest", kind: .directory)] + draft
        case .none: return draft
        }
    }

    private func newestForListing(of prompt: PromptName) async throws(Errno) -> Library.Newest {
        do throws(Errno) {
            return try await newest(of: prompt)
        } catch {
            guard error == .noSuchFileOrDirectory, library.isDraftListed(prompt) else { throw error }
            return .none
        }
    }

    private func item(_ file: TextFile) -> Item {
        Item(
            name: file.name.description,
            kind: .file,
            byteCount: Int64(file.bytes.count),
            modified: file.modified
        )
    }

    private func item(_ entry: VersionBody.ContextEntry) -> Item {
        switch entry {
        case .text(let file): item(file)
        case .attachment(let attachment):
            Item(
                name: attachment.name.description,
                kind: .file,
                byteCount: blobs.byteCount(of: attachment.key).byteCount,
                modified: attachment.modified
            )
        }
    }

    // MARK: Reading

    /// Hands a file's bytes to `receive`, part by part. Of a version it is the main text, of a prompt that of `latest`.
    ///
    /// - Throws: EISDIR, ENOENT, what `receive` throws, and as `Library.body` and `Blob.read`.
    package func read(_ path: LibraryPath, _ receive: ([UInt8]) throws -> Void) async throws {
        switch path {
        case .root, .namespace, .context: throw Errno.isDirectory
        case .prompt(let prompt): try await read(.version(VersionKey(prompt, .latest)), receive)
        case .version(let key): try await read(.file(key, "content.md"), receive)
        case .file(let key, let name):
            guard let file = try await body(of: key).file(named: name) else { throw Errno.noSuchFileOrDirectory }
            try receive(file.bytes)
        case .contextFile(let key, let name):
            switch try await body(of: key).contextEntry(named: name) {
            case .text(let file)?: try receive(file.bytes)
            case .attachment(let attachment)?: try await read(attachment, receive)
            case nil: throw Errno.noSuchFileOrDirectory
            }
        }
    }

    private static let partByteCount = 1 << 20

    private func read(_ attachment: Attachment, _ receive: ([UInt8]) throws -> Void) async throws {
        let blob = blobs.blob(attachment.key)
        var offset: Int64 = 0
        while case let part = try await blob.read(at: offset, count: Self.partByteCount).copied(), !part.isEmpty {
            try receive(part)
            offset += Int64(part.count)
        }
    }

    // MARK: Versions

    /// The body of a version, or of what `latest` is; at most one request.
    func body(of key: VersionKey) async throws(Errno) -> VersionBody {
        guard library.isIncluded(key.prompt), library.lock?.allows(key) ?? true else { throw .noSuchFileOrDirectory }
        guard key.selector == .latest else { return try await library.body(of: key) }
        switch try await newest(of: key.prompt) {
        case .published(let number):
            return try await library.body(of: VersionKey(key.prompt, .published(number), variables: key.variables))
        case .opaque: return try await library.body(of: key)
        case .none: throw .noSuchFileOrDirectory
        }
    }

    /// What `latest` is. A mount would renew the listing for it, which may have a thousand pages; here one request for the
    /// prompt alone does.
    func newest(of prompt: PromptName) async throws(Errno) -> Library.Newest {
        library.restoreListing()
        if library.lock != nil { return try await library.newest(of: prompt) }
        if library.remainingListingLifetime > .zero { return try await library.newest(of: prompt) }
        let listed = library.cachedListing?.prompt(prompt)
        do throws(Errno) {
            return try await library.pointer(of: prompt, isListed: listed != nil, renewing: true)
        } catch {
            guard error != .noSuchFileOrDirectory, error != .permissionDenied, let number = listed?.newest else {
                throw error
            }
            library.stale.mark(PackageName(prompt, .latest).description, "the listing of before is used: \(error)")
            return .published(number)
        }
    }
}

extension [LibraryTree.Item] {
    fileprivate func sortedByName() -> [LibraryTree.Item] { sorted { $0.name < $1.name } }
}

extension ReadResult {
    /// The bytes themselves.
    fileprivate func copied() throws(Errno) -> [UInt8] {
        switch self {
        case .bytes(let bytes, let range): return Array(bytes[range])
        case .file(let file, let offset, let count):
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let count = bytes.withUnsafeMutableBytes { buffer in
                    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                    return pread(file.descriptor.rawValue, rest.baseAddress, rest.count, Int(offset) + filled)
                }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw .ioError }
                filled += count
            }
            return bytes
        }
    }
}
