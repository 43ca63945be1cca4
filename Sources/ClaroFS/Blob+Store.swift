import ClaroAPI
import FUSE
import FoundationEssentials
import Synchronization
import SystemPackage

/// How bytes are kept, and taken up again by whoever comes later.
extension Blob {
    /// The file, made if there is none.
    func preparedFile() throws(APIError) -> OpenFile {
        do throws(Errno) {
            return try openedFile()
        } catch {
            state.withLock { $0.storeFailure = error }
            throw APIError(.malformed, .download, key.itemID, cause: "no file can be made for it: \(error)")
        }
    }

    private func openedFile() throws(Errno) -> OpenFile {
        if let file = state.withLock({ $0.file }) { return file }
        let file = try blobFile.open()
        return state.withLock { state in
            let chosen = state.file ?? file
            state.file = chosen
            return chosen
        }
    }

    /// Counts chunks as present that were stored by others, or before.
    func takeUpStored() {
        guard let stored = blobFile.stored else { return }
        state.withLock { state in
            guard state.isKept, state.byteCount ?? stored.byteCount == stored.byteCount else { return }
            state.byteCount = stored.byteCount
            for (number, digest) in stored.chunks where !state.keptChunks.contains(number) {
                state.keptChunks.insert(number)
                state.unverifiedChunks[number] = digest
                state.present.insert(BlobFile.range(ofChunk: number, byteCount: stored.byteCount))
            }
        }
    }

    /// Looks at chunks that are read for the first time in this process. Damaged ones are missing from then on.
    func verifyChunks(in range: Range<Int64>) throws(Errno) {
        let (suspects, byteCount) = state.withLock { ($0.unverifiedChunks(in: range), $0.byteCount ?? 0) }
        guard !suspects.isEmpty else { return }
        let file = try openedFile()
        for (number, digest) in suspects {
            let isSound = blobFile.verify(chunk: number, byteCount: byteCount, digest, in: file)
            state.withLock { state in
                // Another reader may have looked at the same time.
                guard state.unverifiedChunks.removeValue(forKey: number) != nil, !isSound else { return }
                state.keptChunks.remove(number)
                state.present.remove(BlobFile.range(ofChunk: number, byteCount: byteCount))
            }
        }
    }

    /// Keeps the chunks that are complete.
    func keepChunks() {
        keeping.withLock { _ in
            let (file, present, byteCount, kept) = state.withLock { state in
                (state.isKept ? state.file : nil, state.present, state.byteCount, state.keptChunks)
            }
            guard let file, let byteCount else { return }
            let chunks = blobFile.keepChunks(of: file, present, byteCount: byteCount, known: kept)
            state.withLock { $0.keptChunks.formUnion(chunks.keys) }
        }
    }

    /// As `keepChunks`, and those that are complete by then as well, on another thread than this one.
    @discardableResult
    func keepChunksInBackground() -> Task<Void, Never> {
        state.withLock { state in
            state.hasMoreToKeep = true
            if let task = state.keepingTask { return task }
            let task = Task(priority: .utility) {
                while self.state.withLock({ $0.goesOnKeeping() }) { keepChunks() }
            }
            state.keepingTask = task
            return task
        }
    }
}

extension Blob.State {
    /// Those that have a part of `range`.
    func unverifiedChunks(in range: Range<Int64>) -> [Int: Data] {
        guard !unverifiedChunks.isEmpty, !range.isEmpty else { return [:] }
        let size = CacheDatabase.chunkByteCount
        let numbers = Int(range.lowerBound / size)...Int((range.upperBound - 1) / size)
        return unverifiedChunks.filter { numbers.contains($0.key) }
    }

    fileprivate mutating func goesOnKeeping() -> Bool {
        if !hasMoreToKeep { keepingTask = nil }
        defer { hasMoreToKeep = false }
        return hasMoreToKeep
    }
}
