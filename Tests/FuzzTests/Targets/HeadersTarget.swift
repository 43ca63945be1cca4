@testable import ClaroAPI

extension FuzzTarget {
    /// The head of an answer: a line for the status, one for each field.
    static let headers = FuzzTarget(
        name: "headers",
        sources: [
            "ClaroAPI/DownloadSink.swift", "ClaroAPI/HTTPDate.swift", "ClaroAPI/HTTPMessage.swift",
            "ClaroAPI/RateLimiter.swift", "ClaroAPI/RetryPolicy.swift",
        ]
    ) { bytes in
        let lines = bytes.lines
        guard var head = HTTPHead(statusLine: lines[0].utf8) else { return }
        for line in lines.dropFirst() { head.append(line: line.utf8) }
        try check((100...999).contains(head.status), "a status has three digits")
        let known = ["retry-after", "content-range", "x-ratelimit-reset", "x-request-id", "date"]
        for name in known { try check(head[name]?.hasPrefix(" ") != true, "a value has no space around") }
        if let time = head["date"].flatMap(HTTPDate.timestamp) {
            try check(time.seconds >= 0 && time.nanoseconds == 0, "a date is not before 1970")
        }
        try checkPacing(head)
        for range in [nil, 10..<20, 0..<ContextItem.sizeBound] as [Range<Int64>?] { try checkDownload(head, range) }
    }

    private static let now = ContinuousClock.now
    private static let wallTime = Timestamp(seconds: 1_800_000_000)

    private static func checkPacing(_ head: HTTPHead) throws {
        let body = head["x-body"].flatMap { try? JSONValue.parse(Array($0.utf8)) }
        let hint = RetryAfter.hint(in: head, body: body, wallTime: wallTime)
        try check((.zero...RetryAfter.bound).contains(hint ?? .zero), "nobody waits for more than an hour")
        for attempt in 1...4 {
            for cause in [RetryPolicy.Cause.rateLimited, .faultOnTheWay] {
                let delay = RetryPolicy().delay(after: attempt, cause, hint: hint, random: 0.5)
                try check(delay ?? .zero <= RetryAfter.bound + .seconds(1), "nor a retry")
            }
        }

        var limiter = RateLimiter()
        for _ in 0..<2 {
            limiter.note(head, at: now, wallTime: wallTime)
            if let hint { limiter.block(until: now + hint) }
            for priority in [Priority.background, .interactive, .background] {
                guard let instant = limiter.reserve(priority, at: now) else { continue }
                try check(instant > now && instant - now <= RetryAfter.bound, "a wait for the window has an end")
            }
            try check(limiter.remaining >= 0 && limiter.limit >= 1, "no budget is negative")
            let budget = limiter.budget(at: now)
            try check((budget.remaining ?? 0) >= 0 && budget.resetsIn ?? .zero >= .zero, "nor is it shown so")
            try check(limiter.reserve(.interactive, at: now + RetryAfter.bound) == nil, "each window ends")
        }
    }

    private static func checkDownload(_ head: HTTPHead, _ range: Range<Int64>?) throws {
        let heads = Seen<DownloadHead>()
        let receiver = DownloadReceiver(onHead: heads.append, onBytes: { _ in true })
        let sink = DownloadSink(range: range, receiver: receiver)
        let goesOn = sink.receive(head: head)
        if goesOn { _ = [1, 2, 3].withUnsafeBytes { sink.receive(bytes: $0) } }
        for seen in heads.all {
            try check(seen.contentLength ?? 0 >= 0, "no length is negative")
            try check((0...ContextItem.sizeBound).contains(seen.totalByteCount ?? 0), "a size is plausible or unknown")
            try check(
                seen.status == 200 || range?.lowerBound == seen.rangeStart,
                "a part is the one that was asked for"
            )
            let end = (seen.rangeStart ?? 0) + (seen.contentLength ?? 0)
            try check(end <= seen.totalByteCount ?? end, "no part ends behind the file")
            try check(seen.status == 200 || end <= range?.upperBound ?? 0, "no part is larger than asked for")
        }
        try check(heads.all.count <= 1, "a head comes once")
        guard sink.end(wasStopped: false) == nil else { return }
        let failures = [sink.failure(head, wallTime: wallTime), sink.failure(TransportFailure(.stopped, ""))]
        for failure in failures + [sink.failure(TransportFailure(.truncated, ""))] {
            try check((.zero...RetryAfter.bound).contains(failure.hint ?? .zero), "nobody waits for more than an hour")
        }
    }
}

/// What a callback was given. Used by one thread.
private final class Seen<Value>: @unchecked Sendable {
    private(set) var all: [Value] = []

    func append(_ value: Value) -> Bool {
        all.append(value)
        return true
    }
}
