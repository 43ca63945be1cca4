import ClaroAPI
import FUSE
import Logging
import SystemPackage

/// A Claro library as a filesystem.
///
/// What each operation does is in its own file; here is what they share. Fetching happens in lookup, where sizes must be
/// true, and in read, for attachments; directories are read without fetching what is in them.
package final class ClaroFileSystem: FileSystem {
    package struct Configuration: Sendable {
        package var freshness = Freshness()
        /// How long a call may wait for the network.
        package var timeout: Duration = .seconds(30)
        package var cacheDirectory: CacheDirectory
        /// Bytes to keep on disk.
        package var cacheByteCount: Int64 = 1 << 30
        /// Bytes to leave free on that disk.
        package var minimumFreeByteCount: Int64 = 512 << 20
        /// The owner of all files.
        package var user: UInt32
        package var group: UInt32
        /// Permission bits to take away.
        package var umask: UInt32 = 0
        /// The parts of the account to show; empty is everything.
        package var include: [IncludePattern] = []
        /// The versions to show, and no others; nil: all.
        package var lock: LockFile?
        /// What is mounted, for `.claro/status.json`.
        package var source: String

        package init(source: String, cacheDirectory: CacheDirectory, user: UInt32, group: UInt32) {
            self.source = source
            self.cacheDirectory = cacheDirectory
            self.user = user
            self.group = group
        }
    }

    /// Directory offsets of `.` and `..`; children's begin behind.
    static let dotOffset: DirectoryOffset = 1
    static let lastDotOffset: DirectoryOffset = 2

    let configuration: Configuration
    let library: Library
    let readahead: WalkReadahead
    let blobs: BlobCache
    let evictor: Evictor
    let inodes: InodeTable
    let listedDirectories: ListedDirectories
    let client: ClaroClient
    let requestCounts: RequestCounts
    private let invalidations: Invalidations

    package init(
        _ configuration: Configuration,
        client: ClaroClient,
        invalidations: Invalidations,
        requestCounts: RequestCounts,
        logger: Logger
    ) {
        let faults = FaultLog(logger)
        self.configuration = configuration
        self.client = client
        self.invalidations = invalidations
        self.requestCounts = requestCounts
        let key = client.cacheIdentity
        let store = configuration.cacheDirectory.store(for: key, source: client.credentialSourceIdentity)
        let database = store.map { CacheDatabase(directory: $0, key: key, logger: logger) }
        inodes = InodeTable(database)
        library = Library(
            client: client,
            freshness: configuration.freshness,
            timeout: configuration.timeout,
            include: configuration.include,
            lock: configuration.lock,
            inodes: inodes,
            database: database,
            fetchLocks: store.flatMap { FetchLocks(directory: $0) },
            invalidations: invalidations,
            faults: faults
        )
        let table = BlobTable()
        evictor = Evictor(
            library: library,
            blobs: table,
            inodes: inodes,
            database: database,
            invalidations: invalidations,
            directory: configuration.cacheDirectory,
            byteBound: configuration.cacheByteCount,
            minimumFree: configuration.minimumFreeByteCount
        )
        blobs = BlobCache(
            client: client,
            database: database,
            fetchLocks: library.fetchLocks,
            directory: configuration.cacheDirectory,
            timeout: configuration.timeout,
            faults: faults,
            blobs: table,
            evictor: evictor
        )
        readahead = WalkReadahead(library, blobs, cacheByteCount: configuration.cacheByteCount)
        listedDirectories = ListedDirectories(invalidations)
    }

    /// Whether a listing is there from before, however old; a lock file is one.
    package var hasStoredListing: Bool { library.lock != nil || library.database?.listingHead() != nil }

    /// Fetches the listing before the mount, which proves that the API is there and takes the key. Who mounts tells why
    /// not: a failure is not logged.
    package func fetchListing() async throws(APIError) {
        try await library.firstListing()
    }

    /// Makes room in the store if the mount before has left too little; called when this one is made.
    package func start() { evictor.start() }

    /// Leaves the store as the next mount should find it; called when the mount has ended.
    package func finish() {
        // What has arrived of downloads that are not over.
        blobs.keepPartialDownloads()
        library.database?.writeGathered()
        evictor.finish()
        library.database?.flushUses()
        library.database?.close()
    }

    /// Has everything that can change asked for again at its next use, and the key read again (SIGHUP).
    package func expireEverything() {
        client.reloadCredentials()
        library.expireEverything()
        var directories: [InodeNumber] = []
        var names: [Invalidations.Item] = []
        for (inode, node) in inodes.held where node.kind == .directory {
            directories.append(inode)
            switch node {
            case .prompt: names.append(.entry("latest", in: inode))
            case .version(let key):
                let changing = key.isMutable ? Self.versionNames : ["metadata.json", Self.contextName]
                names += changing.map { .entry($0, in: inode) }
            default: break
            }
        }
        listedDirectories.expire(directories)
        invalidations.send(names)
    }

    package func forget(_ inode: InodeNumber, lookups: UInt64) {
        guard case .attachment(_, let attachment)? = inodes.forget(inode, lookups: lookups) else { return }
        evictor.forgotten(attachment.key.name)
    }

    package func statistics() -> FileSystemStatistics {
        let promptCount = library.cachedListing?.promptCount ?? 0
        return FileSystemStatistics(fileCount: UInt64(promptCount), byteCount: UInt64(evictor.usage.total))
    }

    package func readLink(_ inode: InodeNumber) async throws(Errno) -> String {
        guard case .link(let target, _) = try node(inode) else { throw .invalidArgument }
        return target
    }

    package func read(_ inode: InodeNumber, at offset: Int64, count: Int) async throws(Errno) -> ReadResult {
        switch try node(inode) {
        case .report(let file), .text(_, _, let file?):
            return .part(of: file.bytes, at: offset, count: count)
        case .text(let key, let facts, nil):
            return .part(of: try await library.bytes(of: facts, in: key), at: offset, count: count)
        case .attachment(let key, let attachment):
            if offset == 0 { readahead.read(attachment, of: key) }
            let blob = blobs.blob(attachment.key)
            library.counts.count(.attachment, isHit: blob.has(count, at: offset))
            return try await blob.read(at: offset, count: count)
        default: throw .isDirectory
        }
    }

    /// - Throws: ESTALE: the kernel asks for what it has forgotten.
    func node(_ inode: InodeNumber) throws(Errno) -> Node {
        guard let node = inodes.node(inode) else { throw .staleNFSFileHandle }
        return node
    }
}
