import ClaroAPI
import FUSE
import FoundationEssentials
import Synchronization
import SystemPackage

/// What makes two attachments the same bytes: a context item is never given other ones.
package struct BlobKey: Hashable, Sendable {
    package let itemID: String
    /// nil where the API tells no plausible size.
    package let claimedByteCount: Int64?
    package let createdAt: Timestamp?
}

/// One attachment on its way from the storage host into a file, and out of it to any number of readers.
///
/// A small file is one download. A large one is downloaded in parts, as `Readahead` plans them, several at a time.
/// Readers get their bytes as soon as they have arrived. Here is how they do; `Blob+Download` is how bytes arrive, and
/// `Blob+Store` how they are kept.
final class Blob: Sendable {
    /// Up to here one download takes the whole file.
    static let wholeByteCount: Int64 = 16 << 20

    struct Download {
        let id: UInt64
        /// Where the next byte goes.
        var position: Int64
        /// Where it ends; nil: at the end of the file.
        var end: Int64?
        /// Whether another one brings everything.
        var isSuperseded = false

        /// What it will still bring.
        var rest: Range<Int64> { position..<(isSuperseded ? position : max(position, end ?? .max)) }
    }

    struct State {
        var file: OpenFile?
        /// Whether the file is one that outlives this process.
        var isKept = true
        /// The real size, once the storage host has told it.
        var byteCount: Int64?
        var present = ByteRanges()
        var readahead = Readahead()
        var downloads: [Download] = []
        var nextID: UInt64 = 0
        /// Each is woken when its bytes are there, or may have to be asked for again.
        var waiters: [(range: Range<Int64>, waiter: Waiter<Void>)] = []
        /// Counts how often bytes came.
        var arrivals: UInt64 = 0
        var url: SignedURL?
        var urlFetch: SharedFetch<SignedURL>?
        var lastFailure: Failure?
        /// Why bytes could not be stored, for the download that is ended by it.
        var storeFailure: Errno?
        /// Chunks that are kept on disk.
        var keptChunks: Set<Int> = []
        /// Chunks from before this process, with their digests: looked at before anybody reads them.
        var unverifiedChunks: [Int: Data] = [:]
        /// Keeps chunks, as long as there are more.
        var keepingTask: Task<Void, Never>?
        var hasMoreToKeep = false
    }

    let key: BlobKey
    let client: ClaroClient
    let blobFile: BlobFile
    let fetchLocks: FetchLocks?
    let timeout: Duration
    let faults: FaultLog
    /// Called when a download is over, whatever it has brought.
    let onArrival: @Sendable () -> Void
    let state = Mutex(State())
    /// Held while chunks are kept, so that none is looked at twice.
    let keeping = Mutex(())

    /// Takes up what `file` has from before.
    init(
        _ key: BlobKey,
        file: BlobFile,
        fetchLocks: FetchLocks?,
        client: ClaroClient,
        timeout: Duration,
        faults: FaultLog,
        onArrival: @escaping @Sendable () -> Void
    ) {
        self.key = key
        self.client = client
        blobFile = file
        self.fetchLocks = fetchLocks
        self.timeout = timeout
        self.faults = faults
        self.onArrival = onArrival
        takeUpStored()
    }

    /// The real size, if the storage host has told it.
    var knownByteCount: Int64? { state.withLock { $0.byteCount } }

    /// Bytes on disk.
    var storedByteCount: Int64 { state.withLock { $0.present.byteCount } }

    /// Whether its file outlives this process.
    var isKept: Bool { state.withLock { $0.isKept } }

    /// Whether nobody has to wait for these bytes.
    func has(_ count: Int, at offset: Int64) -> Bool {
        state.withLock { state in
            guard let size = state.byteCount else { return false }
            let end = min(offset + Int64(count), size)
            return offset >= end || state.present.contains(offset..<end)
        }
    }

    var isInUse: Bool {
        state.withLock { !$0.downloads.isEmpty || !$0.waiters.isEmpty || $0.keepingTask != nil }
    }

    /// Whether another one can take its place that costs no more: all of it is stored, or there is no signed URL by which
    /// to fetch the rest.
    var canBeReopened: Bool {
        guard !isInUse else { return false }
        return state.withLock { state in
            let isWhole = state.byteCount.map { state.present.contains(0..<$0) } ?? false
            let hasURL = state.url?.expiresAt.map { .now < $0 } ?? false
            return state.isKept && (isWhole || !hasURL)
        }
    }

    /// The real size, learnt by beginning a download if need be.
    ///
    /// - Throws: as `read`.
    func byteCount() async throws(Errno) -> Int64 {
        while true {
            if let byteCount = knownByteCount { return byteCount }
            try await arrival(of: 0..<0)
        }
    }

    /// Bytes for a reader, as soon as all of them are there; before the real size is known nobody gets any.
    ///
    /// - Throws: ENOENT, EACCES, EAGAIN, EIO, ENOSPC, EHOSTUNREACH, ETIMEDOUT, EINTR.
    func read(at offset: Int64, count: Int) async throws(Errno) -> ReadResult {
        let range = offset..<offset + Int64(count)
        while true {
            try await arrival(of: range)
            try verifyChunks(in: range)
            let (file, wanted) = state.withLock { state in
                (state.file, state.unverifiedChunks(in: range).isEmpty ? state.whenPresent(range) : nil)
            }
            guard let wanted else { continue }
            if wanted.isEmpty { return .bytes([], 0..<0) }
            guard let file else { throw .ioError }
            return .file(file, offset: wanted.lowerBound, count: wanted.count)
        }
    }

    /// Waits until the bytes of `range` are there, or may have to be asked for again; has them and more fetched.
    private func arrival(of range: Range<Int64>) async throws(Errno) {
        if let errno = state.withLock({ $0.repeatedFailure(of: range, at: .now) }) { throw errno }
        let waiter = Waiter<Void>()
        let (downloads, mustWait, arrivals) = state.withLock { state in
            let downloads = state.beginDownloads(reading: range, claimedByteCount: key.claimedByteCount)
            let mustWait = state.whenPresent(range) == nil
            if mustWait { state.waiters.append((range, waiter)) }
            return (downloads, mustWait, state.arrivals)
        }
        // At once, so that they are asked for in order.
        for download in downloads { Task.immediate { await run(download) } }
        guard mustWait else { return }
        defer { state.withLock { $0.waiters.removeAll { $0.waiter === waiter } } }
        let errno: Errno
        do throws(WaitError) {
            return try await waiter.value(within: timeout)
        } catch {
            switch error {
            case .interrupted: throw .interrupted
            // A slow file is waited for as long as bytes come.
            case .timedOut where state.withLock({ $0.arrivals }) > arrivals: return
            case .timedOut: errno = .timedOut
            case .failed(let error): errno = state.withLock { $0.storeFailure.take() } ?? error.errno
            }
        }
        state.withLock { $0.lastFailure = Failure(errno: errno, range: range, time: .now) }
        throw errno
    }
}

extension Blob.State {
    /// The part of `range` that the file has, if its size is known and all of that is there.
    func whenPresent(_ range: Range<Int64>) -> Range<Int64>? {
        guard let byteCount else { return nil }
        let wanted = range.clamped(to: 0..<byteCount)
        return present.contains(wanted) ? wanted : nil
    }

    /// What is there or on its way.
    private var coming: ByteRanges { downloads.reduce(into: present) { $0.insert($1.rest) } }

    /// Takes note of a read; returns the downloads to run because of it.
    fileprivate mutating func beginDownloads(reading range: Range<Int64>, claimedByteCount: Int64?) -> [Blob.Download] {
        let asksForSize = range.clamped(to: 0..<(byteCount ?? .max)).isEmpty
        // Any answer tells the size.
        if asksForSize, byteCount != nil || !downloads.isEmpty { return [] }
        guard let size = byteCount ?? claimedByteCount else {
            // The head of the first answer tells it.
            return downloads.isEmpty ? [add(0..<Readahead.segmentByteCount)] : []
        }
        if byteCount == nil, size <= Blob.wholeByteCount { return downloads.isEmpty ? [add(nil)] : [] }

        // A size that is only claimed may be too small.
        let end = byteCount ?? max(size, range.upperBound)
        let read = range.clamped(to: 0..<end)
        let coming = coming
        let isComing = coming.contains(read) && !asksForSize
        guard end > Blob.wholeByteCount else {
            return isComing ? [] : coming.missing(in: 0..<end).map { add($0 == 0..<end ? nil : $0) }
        }
        let plan = readahead.plan(reading: read)
        var wanted = ByteRanges()
        if !isComing { wanted.insert(plan.needed.clamped(to: 0..<end)) }
        wanted.insert(plan.ahead.clamped(to: 0..<end))
        return wanted.pieces(of: Readahead.segmentByteCount).flatMap(coming.missing).map { add($0) }
    }

    /// nil: the whole file.
    private mutating func add(_ range: Range<Int64>?) -> Blob.Download {
        let download = Blob.Download(id: nextID, position: range?.lowerBound ?? 0, end: range?.upperBound)
        nextID += 1
        downloads.append(download)
        return download
    }

    /// Takes out those whose bytes are there, and those whose bytes nobody brings.
    mutating func takeWaiters() -> [Waiter<Void>] {
        guard !waiters.isEmpty else { return [] }
        let coming = coming
        let isOver = waiters.map { range, _ in
            guard let byteCount else { return downloads.isEmpty }
            let wanted = range.clamped(to: 0..<byteCount)
            return present.contains(wanted) || !coming.contains(wanted)
        }
        let taken = zip(waiters, isOver).filter(\.1).map(\.0.waiter)
        waiters = zip(waiters, isOver).filter { !$0.1 }.map(\.0)
        return taken
    }
}
