import Synchronization

/// Stands between the transport and a download's receiver: lets through what was asked for, and remembers what came.
final class DownloadSink: Sendable {
    private let range: Range<Int64>?
    private let receiver: DownloadReceiver
    private let state = Mutex(State())

    private struct State {
        var status: Int?
        /// What the receiver was given.
        var head: DownloadHead?
        var byteCount: Int64 = 0
        /// Bytes of an answer that is not given to the receiver.
        var ignoredByteCount = 0
        /// Why the answer was broken off here.
        var refusal: String?
    }

    struct Failure {
        let code: APIError.Code
        var status: Int?
        let cause: String
        var retryCause: RetryPolicy.Cause?
        var hint: Duration?

        func error(_ url: SignedURL, attempts: Int) -> APIError {
            APIError(code, .download, url.description, status: status, cause: cause, attempts: attempts)
        }
    }

    init(range: Range<Int64>?, receiver: DownloadReceiver) {
        self.range = range
        self.receiver = receiver
    }

    // MARK: On the transport's thread

    func receive(head: HTTPHead) -> Bool {
        state.withLock { $0.status = head.status }
        let length = head["content-length"].flatMap { Int64($0) }
        switch head.status {
        case 200:
            guard ContextItem.isPlausible(length ?? 0) else { return refuse("a length that makes no sense") }
            return accept(DownloadHead(status: 200, contentLength: length, rangeStart: nil, totalByteCount: length))
        case 206:
            guard let range, let part = ContentRange(head["content-range"]), part.bytes.lowerBound == range.lowerBound,
                part.bytes.upperBound <= range.upperBound
            else { return refuse("not the range that was asked for") }
            let byteCount = part.bytes.upperBound - part.bytes.lowerBound
            return accept(
                DownloadHead(
                    status: 206,
                    contentLength: byteCount,
                    rangeStart: range.lowerBound,
                    totalByteCount: part.totalByteCount
                )
            )
        default:
            return true
        }
    }

    func receive(bytes: UnsafeRawBufferPointer) -> Bool {
        let verdict: Verdict = state.withLock { state in
            guard let head = state.head else {
                state.ignoredByteCount += bytes.count
                return state.ignoredByteCount <= Self.ignoredByteBound ? .ignored : .unwanted
            }
            state.byteCount += Int64(bytes.count)
            return state.byteCount <= head.contentLength ?? ContextItem.sizeBound ? .wanted : .unwanted
        }
        return switch verdict {
        case .wanted: receiver.onBytes(bytes)
        case .ignored: true
        case .unwanted: refuse("more bytes than announced")
        }
    }

    private enum Verdict {
        case wanted, ignored, unwanted
    }

    private func accept(_ head: DownloadHead) -> Bool {
        state.withLock { $0.head = head }
        return receiver.onHead(head)
    }

    private func refuse(_ reason: String) -> Bool {
        state.withLock { $0.refusal = reason }
        return false
    }

    // MARK: Afterwards

    /// The good end, if it was one.
    func end(wasStopped: Bool) -> DownloadEnd? {
        state.withLock { state in
            guard let head = state.head, state.refusal == nil else { return nil }
            guard wasStopped || state.byteCount == head.contentLength ?? state.byteCount else { return nil }
            return DownloadEnd(head: head, byteCount: state.byteCount, wasStopped: wasStopped)
        }
    }

    /// What an answer is that was complete, but not good.
    func failure(_ head: HTTPHead, wallTime: Timestamp) -> Failure {
        let state = state.withLock { $0 }
        guard state.head == nil else {
            return Failure(code: .malformed, cause: "cut off after \(state.byteCount) bytes")
        }
        var failure = Failure(code: .init(storageStatus: head.status), status: head.status, cause: "")
        if [429, 502, 503, 504].contains(head.status) {
            failure.retryCause = head.status == 429 ? .rateLimited : .faultOnTheWay
            failure.hint = RetryAfter.hint(in: head, body: nil, wallTime: wallTime)
        }
        return failure
    }

    /// What a broken answer is.
    func failure(_ failure: TransportFailure) -> Failure {
        let state = state.withLock { $0 }
        if failure.kind == .stopped {
            let code =
                state.refusal == nil || state.head == nil ? state.status.map(APIError.Code.init(storageStatus:)) : nil
            return Failure(code: code ?? .malformed, status: state.status, cause: state.refusal ?? "")
        }
        let isBroken = failure.kind == .connectionLost || failure.kind == .truncated
        guard state.head == nil else {
            let isCut = isBroken || failure.kind == .malformed
            return Failure(
                code: isCut ? .malformed : failure.code,
                cause: isCut ? "cut off after \(state.byteCount) bytes" : failure.detail
            )
        }
        return Failure(code: failure.code, cause: failure.detail, retryCause: isBroken ? .faultOnTheWay : nil)
    }

    /// Storage hosts explain errors in a few hundred bytes of XML, which nobody reads here.
    private static let ignoredByteBound = 64 << 10
}

/// `Content-Range: bytes 0-99/1234` (RFC 9110, 14.4).
private struct ContentRange {
    let bytes: Range<Int64>
    let totalByteCount: Int64?

    init?(_ text: String?) {
        guard let text, text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first >= 0, first <= last, last < .max
        else { return nil }
        bytes = first..<last + 1
        totalByteCount = Int64(parts[1])
        let end = totalByteCount ?? last + 1
        guard bytes.upperBound <= end, ContextItem.isPlausible(end) else { return nil }
    }
}

extension APIError.Code {
    /// What a status of the storage host means: whether the URL is too old, was used up or names a file that is gone
    /// cannot be told from it.
    fileprivate init(storageStatus status: Int) {
        switch status {
        case 401, 403, 404, 410: self = .signedURLRejected
        case 200..<300: self = .malformed
        default: self.init(status: status)
        }
    }
}
