import ClaroAPI
import FUSE
import FoundationEssentials
import Glibc
import Synchronization
import SystemPackage

/// What makes two attachments the same bytes: a context item is never given other ones.
package struct BlobKey: Hashable, Sendable {
    package let itemID: String
    /// nil where the API tells no plausible size.
    package let claimedByteCount: Int64?
    package let createdAt: Timestamp?
}

/// One attachment on its way from the storage host into a file without a name, and out of it to any number of readers.
///
/// A small file is one download. A large one is downloaded in segments, each when somebody reads in it, so that reading
/// its end does not fetch the rest. Readers get their bytes as soon as they have arrived.
final class Blob: Sendable {
    /// Up to here one download takes the whole file.
    static let wholeByteCount: Int64 = 16 << 20
    static let segmentByteCount: Int64 = 8 << 20

    fileprivate struct Download {
        let id: UInt64
        /// Where the next byte goes.
        var position: Int64
        /// Where it ends; nil: at the end of the file.
        var end: Int64?

        func willBring(_ offset: Int64) -> Bool { offset >= position && end.map { offset < $0 } ?? true }
    }

    fileprivate struct State {
        var file: OpenFile?
        /// Whether the file is one that outlives this process.
        var isKept = true
        /// The real size, once the storage host has told it.
        var byteCount: Int64?
        var present = ByteRanges()
        var downloads: [Download] = []
        /// Each is woken when the byte it waits for is there, or will not come.
        var waiters: [(offset: Int64, waiter: Waiter<Void>)] = []
        var url: SignedURL?
        var nextID: UInt64 = 0
        /// Chunks that are kept on disk.
        var keptChunks: Set<Int> = []
        /// Chunks from before this process, with their digests: looked at before anybody reads them.
        var unverifiedChunks: [Int: Data] = [:]
        /// Why bytes could not be stored, for the download that is ended by it.
        var storeFailure: Errno?
    }

    let key: BlobKey
    private let client: ClaroClient
    private let blobFile: BlobFile
    private let fetchLocks: FetchLocks?
    private let timeout: Duration
    private let faults: FaultLog
    private let state: Mutex<State>

    /// Takes up what `file` has from before.
    init(
        _ key: BlobKey,
        file: BlobFile,
        fetchLocks: FetchLocks?,
        client: ClaroClient,
        timeout: Duration,
        faults: FaultLog
    ) {
        self.key = key
        self.client = client
        blobFile = file
        self.fetchLocks = fetchLocks
        self.timeout = timeout
        self.faults = faults
        state = Mutex(State())
        takeUpStored()
    }

    /// The real size, if the storage host has told it.
    var knownByteCount: Int64? { state.withLock { $0.byteCount } }

    /// Bytes on disk.
    var storedByteCount: Int64 { state.withLock { $0.present.byteCount } }

    /// Whether its file outlives this process.
    var isKept: Bool { state.withLock { $0.isKept } }

    var isInUse: Bool { state.withLock { !$0.downloads.isEmpty || !$0.waiters.isEmpty } }

    /// The real size, learnt by beginning a download if need be: of what a reader at `offset` needs.
    ///
    /// - Throws: as `read`.
    func byteCount(readingAt offset: Int64 = 0) async throws(Errno) -> Int64 {
        while true {
            if let byteCount = knownByteCount { return byteCount }
            try await arrival(of: offset)
        }
    }

    /// Bytes for a reader, as soon as all of them are there; before the real size is known nobody gets any.
    ///
    /// - Throws: ENOENT, EACCES, EAGAIN, EIO, ENOSPC, EHOSTUNREACH, ETIMEDOUT, EINTR.
    func read(at offset: Int64, count: Int) async throws(Errno) -> ReadResult {
        let size = try await byteCount(readingAt: offset)
        let wanted = min(offset, size)..<min(offset + Int64(count), size)
        guard !wanted.isEmpty else { return .bytes([], 0..<0) }
        while true {
            try verifyChunks(in: wanted)
            let (file, missing) = state.withLock { ($0.file, $0.present.firstMissing(from: wanted.lowerBound)) }
            if let file, missing >= wanted.upperBound {
                return .file(file, offset: wanted.lowerBound, count: wanted.count)
            }
            try await arrival(of: missing)
        }
    }

    /// Waits until the byte at `offset` is there, or may have to be asked for again.
    private func arrival(of offset: Int64) async throws(Errno) {
        let waiter = Waiter<Void>()
        let started: Download? = state.withLock { state in
            let isThere = state.byteCount != nil && state.present.firstMissing(from: offset) > offset
            let isBehindEnd = state.byteCount.map { offset >= $0 } ?? false
            if isThere || isBehindEnd {
                waiter.end(.success(()))
                return nil
            }
            state.waiters.append((offset, waiter))
            guard !state.downloads.contains(where: { $0.willBring(offset) }) else { return nil }
            let range = Self.range(for: offset, key: key, state)
            let download = Download(id: state.nextID, position: range?.lowerBound ?? 0, end: range?.upperBound)
            state.nextID += 1
            state.downloads.append(download)
            return download
        }
        if let started {
            Task { await run(started) }
        }
        defer { state.withLock { $0.waiters.removeAll { $0.waiter === waiter } } }
        do throws(WaitError) {
            try await waiter.value(within: timeout)
        } catch {
            switch error {
            case .interrupted: throw .interrupted
            case .timedOut: throw .timedOut
            case .failed(let error):
                throw state.withLock { $0.storeFailure.take() } ?? error.errno
            }
        }
    }

    /// What to ask for so that the byte at `offset` comes; nil: the whole file.
    private static func range(for offset: Int64, key: BlobKey, _ state: State) -> Range<Int64>? {
        guard let size = state.byteCount ?? key.claimedByteCount else { return 0..<segmentByteCount }
        if size <= wholeByteCount {
            let start = state.present.firstMissing(from: 0)
            return start == 0 || start >= size ? nil : start..<size
        }
        let segment = offset / segmentByteCount * segmentByteCount
        let start = min(state.present.firstMissing(from: segment), offset)
        return start..<min(segment + segmentByteCount, max(size, start + 1))
    }

    // MARK: Downloads

    /// Runs a download to its end and tells those who wait for its bytes. A signed URL that is refused is replaced once.
    private func run(_ download: Download) async {
        let outcome: Result<Void, WaitError>
        let lock = await fetchLocks?.lock("attachment \(key.itemID)", within: timeout)
        defer { withExtendedLifetime(lock) {} }
        // Another process may have brought what is wanted here.
        if lock != nil { takeUpStored() }
        do throws(APIError) {
            let isThere = state.withLock { state in
                state.byteCount.map {
                    download.position >= $0 || state.present.contains(download.position..<download.position + 1)
                }
            }
            if isThere != true { try await transferElsewhereIfFull(download) }
            outcome = .success(())
        } catch {
            faults.report(error)
            outcome = .failure(.failed(error))
        }
        keepChunks()
        let ended = state.withLock { state in
            state.downloads.removeAll { $0.id == download.id }
            // Those who wait for bytes that another download brings go on waiting.
            let others = state.downloads
            return state.takeWaiters { offset in !others.contains { $0.willBring(offset) } }
        }
        for waiter in ended { waiter.end(outcome) }
    }

    /// Where the cache's disk is full, readers are served from a file that is not kept.
    private func transferElsewhereIfFull(_ download: Download) async throws(APIError) {
        let wasKept = state.withLock { $0.isKept }
        do throws(APIError) {
            return try await transfer(download)
        } catch {
            let (isFull, hasMoved) = state.withLock { state in
                ([.noSpace, .diskQuotaExceeded].contains(state.storeFailure), wasKept && !state.isKept)
            }
            guard isFull || hasMoved else { throw error }
            if !hasMoved {
                guard wasKept, let file = try? blobFile.makeUnkept() else { throw error }
                blobFile.reportFullDisk()
                state.withLock { $0.moveTo(file) }
            }
            state.withLock { $0.restart(download.id, at: download.position) }
        }
        try await transfer(download)
    }

    private func transfer(_ download: Download) async throws(APIError) {
        let file = try preparedFile()
        let range = download.end.map { download.position..<$0 }
        let end: DownloadEnd
        do throws(APIError) {
            end = try await transfer(download, range, into: file)
        } catch  where error.code == .signedURLRejected {
            state.withLock { $0.url = nil }
            end = try await transfer(download, range, into: file)
        } catch  where error.status == 416 && range != nil {
            // The file is shorter than claimed, or empty. As a whole it can be had, and tells its size.
            state.withLock { $0.redirect(download.id, to: 0) }
            end = try await transfer(download, nil, into: file)
        }
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
        _ download: Download,
        _ range: Range<Int64>?,
        into file: OpenFile
    ) async throws(APIError) -> DownloadEnd {
        let receiver = DownloadReceiver(
            onHead: { self.begin(download.id, $0) },
            onBytes: { self.store($0, from: download.id, in: file) }
        )
        return try await client.download(try await usableURL(), range: range, receiver: receiver)
    }

    private func usableURL() async throws(APIError) -> SignedURL {
        let known = state.withLock { $0.url }
        if let known, let until = known.expiresAt, .now < until { return known }
        let url = try await client.downloadURL(forContextItem: key.itemID)
        state.withLock { $0.url = url }
        return url
    }

    private func preparedFile() throws(APIError) -> OpenFile {
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

    // MARK: What is kept

    /// Counts chunks as present that were stored by others, or before.
    private func takeUpStored() {
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
    private func verifyChunks(in range: Range<Int64>) throws(Errno) {
        let size = CacheDatabase.chunkByteCount
        let (suspects, byteCount) = state.withLock { state in
            let numbers = Int(range.lowerBound / size)...Int((range.upperBound - 1) / size)
            return (state.unverifiedChunks.filter { numbers.contains($0.key) }, state.byteCount ?? 0)
        }
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

    /// Keeps what has arrived, chunk by chunk.
    func keepChunks() {
        let (file, present, byteCount, kept) = state.withLock { state in
            (state.isKept ? state.file : nil, state.present, state.byteCount, state.keptChunks)
        }
        guard let file, let byteCount else { return }
        let chunks = blobFile.keepChunks(of: file, present, byteCount: byteCount, known: kept)
        state.withLock { $0.keptChunks.formUnion(chunks.keys) }
    }

    /// The head of the answer: settles the size, and whether the server sends the range or everything.
    private func begin(_ id: UInt64, _ head: DownloadHead) -> Bool {
        let woken: [Waiter<Void>]? = state.withLock { state in
            guard let index = state.downloads.firstIndex(where: { $0.id == id }) else { return nil }
            let size = head.totalByteCount ?? (head.status == 200 ? head.contentLength : nil)
            if let size {
                guard state.byteCount ?? size == size else { return nil }
                state.byteCount = size
            }
            if head.status == 200 {
                state.redirect(id, to: 0)
            } else if head.rangeStart != state.downloads[index].position {
                return nil
            }
            // Whoever waited for the size, or for what turns out to lie behind the end.
            let end = state.byteCount
            return state.takeWaiters { offset in offset == 0 || end.map { offset >= $0 } ?? false }
        }
        woken?.forEach { $0.end(.success(())) }
        return woken != nil
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
        let woken: [Waiter<Void>]? = state.withLock { state in
            // Another download may have moved to another file.
            guard state.file === file, let index = state.downloads.firstIndex(where: { $0.id == id }) else {
                return nil
            }
            state.downloads[index].position = end
            state.present.insert(start..<end)
            guard state.byteCount != nil else { return [] }
            return state.takeWaiters { (start..<end).contains($0) }
        }
        woken?.forEach { $0.end(.success(())) }
        return woken != nil
    }
}

extension Blob.State {
    /// Begins again in another, empty file that is not kept.
    fileprivate mutating func moveTo(_ file: OpenFile) {
        self.file = file
        isKept = false
        storeFailure = nil
        present = ByteRanges()
        unverifiedChunks = [:]
    }

    fileprivate mutating func restart(_ id: UInt64, at position: Int64) {
        if let index = downloads.firstIndex(where: { $0.id == id }) { downloads[index].position = position }
    }

    /// The download brings everything from `position` on.
    fileprivate mutating func redirect(_ id: UInt64, to position: Int64) {
        guard let index = downloads.firstIndex(where: { $0.id == id }) else { return }
        downloads[index].position = position
        downloads[index].end = nil
    }

    fileprivate mutating func takeWaiters(where isChosen: (Int64) -> Bool) -> [Waiter<Void>] {
        let chosen = waiters.filter { isChosen($0.offset) }
        waiters.removeAll { isChosen($0.offset) }
        return chosen.map(\.waiter)
    }
}
