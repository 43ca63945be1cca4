import ClaroAPI
import Synchronization

/// The attachments that were read, up to a number of bytes on disk; then those go that were used longest ago.
final class BlobCache: Sendable {
    fileprivate struct State {
        var blobs: [BlobKey: Blob] = [:]
        /// Of which the database was asked for the size.
        var lookedUp: Set<BlobKey> = []
        /// When each was last asked for, as a count of all that was asked for.
        var lastUse: [BlobKey: UInt64] = [:]
        var uses: UInt64 = 0
        /// Real sizes, kept when the bytes are not: a size that was corrected stays correct.
        var byteCounts: [BlobKey: Int64] = [:]
    }

    private let client: ClaroClient
    private let database: CacheDatabase?
    private let fetchLocks: FetchLocks?
    private let directory: CacheDirectory
    private let byteBound: Int64
    /// Bytes to leave free on the disk.
    private let minimumFree: Int64
    private let timeout: Duration
    private let faults: FaultLog
    private let state = Mutex(State())

    init(
        client: ClaroClient,
        database: CacheDatabase?,
        fetchLocks: FetchLocks?,
        directory: CacheDirectory,
        byteBound: Int64,
        minimumFree: Int64,
        timeout: Duration,
        faults: FaultLog
    ) {
        self.client = client
        self.database = database
        self.fetchLocks = fetchLocks
        self.directory = directory
        self.byteBound = byteBound
        self.minimumFree = minimumFree
        self.timeout = timeout
        self.faults = faults
    }

    /// The one blob of this key, for a reader. Makes room first, but not in its place.
    func blob(_ key: BlobKey) -> Blob {
        if let blob = state.withLock({ $0.use(key) }) { return blob }
        database?.touch(key)
        makeRoom(keeping: key)
        let blob = Blob(
            key,
            file: BlobFile(key, database: database, directory: directory),
            fetchLocks: fetchLocks,
            client: client,
            timeout: timeout,
            faults: faults
        )
        return state.withLock { state in
            // Another reader may have been first.
            if let other = state.use(key) { return other }
            state.blobs[key] = blob
            return blob
        }
    }

    /// The size to show: the real one if it is known, else the one that the API claims, nil if neither.
    func byteCount(of key: BlobKey) -> (byteCount: Int64?, isReal: Bool) {
        let (known, mustLook) = state.withLock { state in
            let known = state.blobs[key]?.knownByteCount ?? state.byteCounts[key]
            return (known, known == nil && state.lookedUp.insert(key).inserted)
        }
        if let known { return (known, true) }
        if mustLook, let stored = database?.blob(key)?.byteCount {
            state.withLock { $0.byteCounts[key] = stored }
            return (stored, true)
        }
        return (key.claimedByteCount, false)
    }

    /// Whether the real size must be waited for before any is shown: where none is claimed, and while a reader's first
    /// bytes are on their way. The kernel cuts a file that was claimed too long when the answer to its READ is short,
    /// unless it was told attributes since it asked (fs/fuse/file.c, fuse_read_update_size); the reader would then get
    /// zeros up to the claimed size.
    func mustMeasure(_ key: BlobKey) -> Bool {
        let (byteCount, isReal) = byteCount(of: key)
        return !isReal && (byteCount == nil || state.withLock { $0.blobs[key]?.isInUse ?? false })
    }

    func keepPartialDownloads() {
        for blob in state.withLock({ Array($0.blobs.values) }) { blob.keepChunks() }
    }

    /// Bytes on disk.
    var storedByteCount: Int64 { database?.blobByteCount ?? bytesInFiles }

    private var bytesInFiles: Int64 { state.withLock { $0.blobs.values.reduce(0) { $0 + $1.storedByteCount } } }

    /// Frees what is above the bounds, used longest ago first, as far as it is not in use here.
    private func makeRoom(keeping key: BlobKey) {
        let excess = max(storedByteCount - byteBound, minimumFree - directory.freeByteCount)
        guard excess > 0 else { return }
        let (idle, inUse) = state.withLock { $0.takeIdle(byteCount: excess) }
        database?.evictBlobs(freeing: excess, keeping: inUse.union([key]))
        // Files without a name are gone when their blobs are: here, outside the lock.
        withExtendedLifetime(idle) {}
    }
}

extension BlobCache.State {
    fileprivate mutating func use(_ key: BlobKey) -> Blob? {
        uses += 1
        lastUse[key] = uses
        return blobs[key]
    }

    /// Takes out blobs that nobody reads, until they make up `byteCount`; tells which ones stay.
    fileprivate mutating func takeIdle(byteCount: Int64) -> (idle: [Blob], inUse: Set<BlobKey>) {
        var idle: [Blob] = []
        var freed: Int64 = 0
        for (key, _) in lastUse.sorted(by: { $0.value < $1.value }) where freed < byteCount {
            guard let blob = blobs[key], !blob.isInUse else { continue }
            byteCounts[key] = blob.knownByteCount
            blobs[key] = nil
            lastUse[key] = nil
            freed += blob.storedByteCount
            idle.append(blob)
        }
        return (idle, Set(blobs.keys))
    }
}
