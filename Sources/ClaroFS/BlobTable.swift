import Synchronization

/// The attachments that this process has read, and the sizes of all of which it knows the real one.
final class BlobTable: Sendable {
    private struct State {
        var blobs: [BlobName: Blob] = [:]
        /// When each was last asked for, as a count of all that was asked for.
        var lastUse: [BlobName: UInt64] = [:]
        var uses: UInt64 = 0
        /// Kept when the bytes are not: a size that was corrected stays correct.
        var byteCounts: [BlobName: Int64] = [:]
        /// Of which the database was asked for the size.
        var lookedUp: Set<BlobName> = []
    }

    private let state = Mutex(State())

    /// The blob of this name, for a reader.
    func use(_ name: BlobName) -> Blob? {
        state.withLock { state in
            state.uses += 1
            state.lastUse[name] = state.uses
            return state.blobs[name]
        }
    }

    /// Adds a blob, unless somebody else was first: then that one is it.
    func add(_ blob: Blob, as name: BlobName) -> Blob {
        state.withLock { state in
            let chosen = state.blobs[name] ?? blob
            state.blobs[name] = chosen
            return chosen
        }
    }

    var all: [Blob] { state.withLock { Array($0.blobs.values) } }

    /// Bytes of all of them on disk.
    var byteCount: Int64 { all.reduce(0) { $0 + $1.storedByteCount } }

    /// Whether somebody waits for bytes of it, or it is being downloaded.
    func isInUse(_ name: BlobName) -> Bool { state.withLock { $0.blobs[name] }?.isInUse ?? false }

    /// The real size, if it is known here; nil, the first time only, with `mustLookUp`: the database may know.
    func knownByteCount(of name: BlobName) -> (byteCount: Int64?, mustLookUp: Bool) {
        state.withLock { state in
            if let known = state.blobs[name]?.knownByteCount ?? state.byteCounts[name] { return (known, false) }
            return (nil, state.lookedUp.insert(name).inserted)
        }
    }

    func noteByteCount(_ byteCount: Int64, of name: BlobName) {
        state.withLock { $0.byteCounts[name] = byteCount }
    }

    /// Lets go of the one that was used longest ago among those that `isIdle` admits, if there are more than `count`.
    func removeOldest(beyond count: Int, where isIdle: (Blob) -> Bool) {
        let all = byLastUse
        guard all.count > count, let oldest = all.first(where: { isIdle($0.blob) }) else { return }
        remove([oldest.name])
    }

    /// Lets go of those that nobody has used since `uses`, a count of all uses, and that `isIdle` admits.
    ///
    /// - Returns: The count by now; nil: none are left.
    func removeUnused(since uses: UInt64, where isIdle: (Blob) -> Bool) -> UInt64? {
        let (old, now) = state.withLock { state in
            (state.blobs.filter { state.lastUse[$0.key, default: 0] <= uses }, state.uses)
        }
        remove(old.filter { isIdle($0.value) }.map(\.key))
        return state.withLock { $0.blobs.isEmpty } ? nil : now
    }

    /// Those that were used longest ago first.
    var byLastUse: [(name: BlobName, blob: Blob)] {
        state.withLock { state in
            state.blobs.sorted { state.lastUse[$0.key, default: 0] < state.lastUse[$1.key, default: 0] }
                .map { ($0.key, $0.value) }
        }
    }

    /// Lets go of blobs, and with them of files that have no name. Readers that have one keep it.
    func remove(_ names: [BlobName]) {
        let removed = state.withLock { state in
            names.compactMap { name in
                state.lastUse[name] = nil
                let blob = state.blobs.removeValue(forKey: name)
                if let byteCount = blob?.knownByteCount { state.byteCounts[name] = byteCount }
                return blob
            }
        }
        // Files are closed here, outside the lock.
        withExtendedLifetime(removed) {}
    }
}
