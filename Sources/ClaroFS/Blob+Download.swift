import ClaroAPI
import FUSE
import Glibc
import Synchronization
import SystemPackage

/// How bytes arrive.
extension Blob {
    /// Runs a download to its end and tells those who wait for its bytes.
    func run(_ download: Download) async {
        let outcome: Result<Void, WaitError>
        let segment = download.position / Readahead.segmentByteCount
        let lock = await fetchLocks?.lock("attachment \(key.itemID) \(segment)", within: timeout)
        defer { withExtendedLifetime(lock) {} }
        // Another process may have brought what is wanted here.
        if lock != nil { takeUpStored() }
        do throws(APIError) {
            if state.withLock({ $0.skipPresent(download.id) }) { try await transferElsewhereIfFull(download) }
            outcome = .success(())
        } catch {
            faults.report(error)
            outcome = .failure(.failed(error))
        }
        let waiters = state.withLock { state in
            state.downloads.removeAll { $0.id == download.id }
            return state.takeWaiters()
        }
        // Before the lock is let go, and before nobody seems to use this.
        let keeping = keepChunksInBackground()
        for waiter in waiters { waiter.end(outcome) }
        await keeping.value
        onArrival()
    }

    /// Where the cache's disk is full, readers are served from a file that is not kept.
    private func transferElsewhereIfFull(_ download: Download) async throws(APIError) {
        let wasKept = state.withLock { $0.isKept }
        do throws(APIError) {
            return try await transfer(download.id)
        } catch {
            let (isFull, hasMoved) = state.withLock { state in
                ([.noSpace, .diskQuotaExceeded].contains(state.storeFailure), wasKept && !state.isKept)
            }
            guard isFull || hasMoved else { throw error }
            if !hasMoved {
                guard wasKept, let file = try? blobFile.makeUnkept() else { throw error }
                blobFile.reportFullDisk()
                state.withLock { if $0.isKept { $0.moveTo(file) } }
            }
            state.withLock { $0.restart(download) }
        }
        try await transfer(download.id)
    }

    /// A signed URL that is refused is replaced once.
    private func transfer(_ id: UInt64) async throws(APIError) {
        let file = try preparedFile()
        let end: DownloadEnd
        let url = try await sharedURL()
        do throws(APIError) {
            end = try await transfer(id, from: url, into: file)
        } catch  where error.code == .signedURLRejected {
            // Where a URL works only once, others that were given this one each need their own as well.
            end = try await transfer(id, from: try await newURL(), into: file)
        } catch  where error.status == 416 {
            // The file is shorter than claimed, or empty. As a whole it can be had, and tells its size.
            state.withLock { $0.takeWhole(id) }
            end = try await transfer(id, from: url, into: file)
        }
        if state.withLock({ $0.isSuperseded(id) }) { return }
        let isUseless = end.byteCount == 0 && end.head.totalByteCount ?? end.head.contentLength ?? 0 > 0
        guard !end.wasStopped, !isUseless else {
            throw APIError(.malformed, .download, key.itemID, cause: "the answer does not fit the file")
        }
        // Without a length in the answer's head, its end is what tells the size.
        state.withLock { state in
            if state.byteCount == nil, end.head.status == 200 { state.byteCount = end.byteCount }
        }
    }

    private func transfer(
        _ id: UInt64,
        from url: SignedURL,
        into file: OpenFile
    ) async throws(APIError) -> DownloadEnd {
        let receiver = DownloadReceiver(
            onHead: { self.begin(id, $0) },
            onBytes: { self.store($0, from: id, in: file) }
        )
        return try await client.download(url, range: state.withLock { $0.range(of: id) }, receiver: receiver)
    }

    // MARK: Signed URLs

    /// One that others use as well; downloads that need one at the same time ask for it together.
    private func sharedURL() async throws(APIError) -> SignedURL {
        let known = state.withLock { $0.url }
        if let known, let until = known.expiresAt, .now < until { return known }
        let fetch = state.withLock { state in
            let fetch =
                state.urlFetch ?? SharedFetch { () async throws(APIError) in try await self.newURL() }
            state.urlFetch = fetch
            return fetch
        }
        do throws(WaitError) {
            return try await fetch.value(within: nil)
        } catch {
            if case .failed(let error) = error { throw error }
            throw APIError(.cancelled, .downloadURL, key.itemID, cause: "cancelled")
        }
    }

    private func newURL() async throws(APIError) -> SignedURL {
        defer { state.withLock { $0.urlFetch = nil } }
        let url = try await client.downloadURL(forContextItem: key.itemID)
        state.withLock { $0.url = url }
        return url
    }

    // MARK: On the transport's thread

    /// The head of the answer: settles the size, and whether the server sends the range or everything.
    private func begin(_ id: UInt64, _ head: DownloadHead) -> Bool {
        let waiters = state.withLock { $0.accept(head, of: id) ? $0.takeWaiters() : nil }
        waiters?.forEach { $0.end(.success(())) }
        return waiters != nil
    }

    private func store(_ bytes: UnsafeRawBufferPointer, from id: UInt64, in file: OpenFile) -> Bool {
        guard let start = state.withLock({ $0.downloads.first { $0.id == id }?.position }) else { return false }
        var rest = bytes
        var position = start
        while !rest.isEmpty {
            let written = pwrite(file.descriptor.rawValue, rest.baseAddress, rest.count, Int(position))
            guard written > 0 else {
                if written < 0, errno == EINTR { continue }
                let failure = Errno(rawValue: errno)
                state.withLock { $0.storeFailure = failure }
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(written)...])
            position += Int64(written)
        }
        let end = position
        let waiters: [Waiter<Void>]? = state.withLock { state in
            // Another download may have moved to another file.
            guard state.file === file, let index = state.downloads.firstIndex(where: { $0.id == id }) else {
                return nil
            }
            state.downloads[index].position = end
            state.present.insert(start..<end)
            state.arrivals += 1
            state.readahead.received(byteCount: bytes.count, at: .now)
            return state.takeWaiters()
        }
        waiters?.forEach { $0.end(.success(())) }
        let chunk = CacheDatabase.chunkByteCount
        if waiters != nil, start / chunk != end / chunk { keepChunksInBackground() }
        return waiters != nil
    }
}

extension Blob.State {
    /// Leaves out what is there already from a download's beginning; false if nothing is left of it.
    fileprivate mutating func skipPresent(_ id: UInt64) -> Bool {
        guard let byteCount, let index = downloads.firstIndex(where: { $0.id == id }) else { return true }
        let end = min(downloads[index].end ?? byteCount, byteCount)
        let position = present.firstMissing(from: downloads[index].position)
        if position > downloads[index].position {
            downloads[index].position = position
            downloads[index].end = end
        }
        return position < end || byteCount == 0
    }

    /// Begins again in another, empty file that is not kept.
    fileprivate mutating func moveTo(_ file: OpenFile) {
        self.file = file
        isKept = false
        storeFailure = nil
        present = ByteRanges()
        unverifiedChunks = [:]
    }

    fileprivate mutating func restart(_ download: Blob.Download) {
        if let index = downloads.firstIndex(where: { $0.id == download.id }) { downloads[index] = download }
    }

    /// A download brings everything.
    fileprivate mutating func takeWhole(_ id: UInt64) {
        guard let index = downloads.firstIndex(where: { $0.id == id }) else { return }
        downloads[index].position = 0
        downloads[index].end = nil
    }

    /// What to ask the storage host for; nil: everything.
    fileprivate func range(of id: UInt64) -> Range<Int64>? {
        guard let download = downloads.first(where: { $0.id == id }), download.end != nil else { return nil }
        return download.rest
    }

    fileprivate func isSuperseded(_ id: UInt64) -> Bool { downloads.first { $0.id == id }?.isSuperseded ?? false }

    /// False if the answer is not wanted.
    fileprivate mutating func accept(_ head: DownloadHead, of id: UInt64) -> Bool {
        guard let index = downloads.firstIndex(where: { $0.id == id }) else { return false }
        if let size = head.totalByteCount {
            guard byteCount ?? size == size else { return false }
            byteCount = size
        }
        guard head.status == 200 else { return byteCount != nil && head.rangeStart == downloads[index].position }
        // A server without ranges: one answer brings everything.
        downloads[index].isSuperseded = downloads.contains { $0.id != id && $0.end == nil && !$0.isSuperseded }
        takeWhole(id)
        return !downloads[index].isSuperseded
    }
}
