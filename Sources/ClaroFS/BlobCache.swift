import ClaroAPI
import Synchronization

/// Attachments: one `Blob` for each that is being read, whoever reads it.
///
/// A blob has its file open. What the store has can be opened again at any time, so these are let go when nobody has read
/// them for a while: a process has few descriptors, and a file that another process has evicted takes room on the disk
/// until it is closed.
final class BlobCache: Sendable {
    /// Open files of the store, beside those in use: far fewer than the 1024 descriptors that a process usually has.
    private static let openFileBound = 128
    /// Longer than a program that reads a file pauses. Files are closed after once or twice that time.
    private static let idleTime: Duration = .seconds(5)

    private let client: ClaroClient
    private let database: CacheDatabase?
    private let fetchLocks: FetchLocks?
    private let directory: CacheDirectory
    private let timeout: Duration
    private let faults: FaultLog
    private let blobs: BlobTable
    private let evictor: Evictor
    private let isClosing = Mutex(false)

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
            faults: faults,
            // What is not kept grows without the database's notice.
            onArrival: { [weak evictor] in evictor?.check() }
        )
        // What is about to come needs room.
        defer { evictor.check() }
        let chosen = blobs.add(blob, as: name)
        if database != nil { closeOthers() }
        return chosen
    }

    /// Closes files that nobody reads: at once where there are many, else when their time is over.
    private func closeOthers() {
        blobs.removeOldest(beyond: Self.openFileBound) { $0.isKept && !$0.isInUse }
        let isFirst = isClosing.withLock { isClosing in
            defer { isClosing = true }
            return !isClosing
        }
        guard isFirst else { return }
        Task {
            var uses: UInt64? = 0
            while let before = uses {
                try? await Task.sleep(for: Self.idleTime)
                uses = isClosing.withLock { isClosing in
                    let now = blobs.removeUnused(since: before, where: \.canBeReopened)
                    isClosing = now != nil
                    return now
                }
            }
        }
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
