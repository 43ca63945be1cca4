import ClaroAPI
import Synchronization

/// The attachments that were read, up to a number of bytes on disk; then those go that were used longest ago.
final class BlobCache: Sendable {
    private struct State {
        var blobs: [BlobKey: Blob] = [:]
        /// When each was last asked for, as a count of all that was asked for.
        var lastUse: [BlobKey: UInt64] = [:]
        var uses: UInt64 = 0
        /// Real sizes, kept when the bytes are not: a size that was corrected stays correct.
        var byteCounts: [BlobKey: Int64] = [:]
    }

    private let client: ClaroClient
    private let directory: CacheDirectory
    private let byteBound: Int64
    /// Bytes to leave free on the disk.
    private let minimumFree: Int64
    private let timeout: Duration
    private let faults: FaultLog
    private let state = Mutex(State())

    init(
        client: ClaroClient,
        directory: CacheDirectory,
        byteBound: Int64,
        minimumFree: Int64,
        timeout: Duration,
        faults: FaultLog
    ) {
        self.client = client
        self.directory = directory
        self.byteBound = byteBound
        self.minimumFree = minimumFree
        self.timeout = timeout
        self.faults = faults
    }

    /// The one blob of this key, for a reader. Makes room first.
    func blob(_ key: BlobKey) -> Blob {
        let (blob, evicted) = state.withLock { state in
            state.uses += 1
            state.lastUse[key] = state.uses
            if let blob = state.blobs[key] { return (blob, [Blob]()) }
            let evicted = evict(&state)
            let blob = Blob(
                key,
                byteCount: state.byteCounts[key],
                client: client,
                directory: directory,
                timeout: timeout,
                faults: faults
            )
            state.blobs[key] = blob
            return (blob, evicted)
        }
        // Their files are closed, and gone, here: outside the lock.
        withExtendedLifetime(evicted) {}
        return blob
    }

    /// The size to show: the real one if it is known, else the one that the API claims, nil if neither.
    func byteCount(of key: BlobKey) -> (byteCount: Int64?, isReal: Bool) {
        let real = state.withLock { state in state.blobs[key]?.knownByteCount ?? state.byteCounts[key] }
        return (real ?? key.claimedByteCount, real != nil)
    }

    /// Bytes on disk.
    var storedByteCount: Int64 { state.withLock { $0.blobs.values.reduce(0) { $0 + $1.storedByteCount } } }

    private func evict(_ state: inout State) -> [Blob] {
        var stored = state.blobs.values.reduce(0) { $0 + $1.storedByteCount }
        var missing = minimumFree - directory.freeByteCount
        var evicted: [Blob] = []
        for (key, _) in state.lastUse.sorted(by: { $0.value < $1.value }) where stored > byteBound || missing > 0 {
            guard let blob = state.blobs[key], !blob.isInUse else { continue }
            state.byteCounts[key] = blob.knownByteCount
            state.blobs[key] = nil
            state.lastUse[key] = nil
            stored -= blob.storedByteCount
            missing -= blob.storedByteCount
            evicted.append(blob)
        }
        return evicted
    }
}
