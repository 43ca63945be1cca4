import ClaroAPI

/// Attachments: one `Blob` for each, whoever reads it.
final class BlobCache: Sendable {
    private let client: ClaroClient
    private let database: CacheDatabase?
    private let fetchLocks: FetchLocks?
    private let directory: CacheDirectory
    private let timeout: Duration
    private let faults: FaultLog
    private let blobs: BlobTable
    private let evictor: Evictor

    init(
        client: ClaroClient,
        database: CacheDatabase?,
        fetchLocks: FetchLocks?,
        directory: CacheDirectory,
        timeout: Duration,
        faults: FaultLog,
        blobs: BlobTable,
        evictor: Evictor
    ) {
        self.client = client
        self.database = database
        self.fetchLocks = fetchLocks
        self.directory = directory
        self.timeout = timeout
        self.faults = faults
        self.blobs = blobs
        self.evictor = evictor
    }

    /// The one blob of this key, for a reader.
    func blob(_ key: BlobKey) -> Blob {
        let name = key.name
        database?.noteUse(of: .attachment(name))
        if let blob = blobs.use(name) { return blob }
        let blob = Blob(
            key,
            file: BlobFile(key, database: database, directory: directory),
            fetchLocks: fetchLocks,
            client: client,
            timeout: timeout,
            faults: faults
        )
        // What is about to come needs room.
        defer { evictor.check() }
        return blobs.add(blob, as: name)
    }

    /// The size to show: the real one if it is known, else the one that the API claims, nil if neither.
    func byteCount(of key: BlobKey) -> (byteCount: Int64?, isReal: Bool) {
        let name = key.name
        let (known, mustLookUp) = blobs.knownByteCount(of: name)
        if let known { return (known, true) }
        if mustLookUp, let stored = database?.blob(name)?.byteCount {
            blobs.noteByteCount(stored, of: name)
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
        return !isReal && (byteCount == nil || blobs.isInUse(key.name))
    }

    func keepPartialDownloads() {
        for blob in blobs.all { blob.keepChunks() }
    }
}
