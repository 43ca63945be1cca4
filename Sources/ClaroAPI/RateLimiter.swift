/// Keeps the client within the API's rate limit, as far as `X-RateLimit-*` and `Retry-After` tell it.
///
/// Whether these describe the window of a minute or of an hour is not documented, nor does it matter here: what counts
/// is how many requests are left until a reset that the server names.
struct RateLimiter: Sendable {
    private(set) var limit = Self.documentedLimit
    private(set) var remaining = Self.documentedLimit
    /// The window's end; nil before its first request.
    private(set) var resetsAt: ContinuousClock.Instant?
    /// Whether the server told the numbers, rather than the documentation.
    private(set) var isTold = false
    /// Until then the server refuses everything (429 with a `Retry-After`).
    private var blockedUntil: ContinuousClock.Instant?

    /// Requests a minute with a key, where no header says otherwise.
    static let documentedLimit = 1000
    /// Requests an hour.
    static let documentedHourlyLimit = 10_000
    private static let documentedWindow: Duration = .seconds(60)

    /// Counts one request to be sent now, or returns when to ask again.
    ///
    /// Background requests leave a quarter of the window to people. Without the server's word only they are paced:
    /// an installation without rate limits must not be held to the documented one.
    mutating func reserve(_ priority: Priority, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        if let blockedUntil, blockedUntil > now { return blockedUntil }
        blockedUntil = nil
        if resetsAt.map({ $0 <= now }) ?? true {
            remaining = limit
            resetsAt = now + Self.documentedWindow
        }
        let reserved = priority == .background ? (limit + 3) / 4 : 0
        let isPaced = isTold || priority == .background
        guard !isPaced || remaining > reserved else { return resetsAt }
        remaining = max(0, remaining - 1)
        return nil
    }

    /// Learns from an answer's header fields. Answers may come in another order than they were made in: within a
    /// window the budget only falls.
    mutating func note(_ head: HTTPHead, at now: ContinuousClock.Instant, wallTime: Timestamp) {
        guard let told = Self.number(head["x-ratelimit-remaining"]) else { return }
        let serverTime = head["date"].flatMap(HTTPDate.timestamp) ?? wallTime
        let untilReset = head["x-ratelimit-reset"].flatMap { RetryAfter.windowEnd($0, from: serverTime) }
        // A window that is over already says nothing about the next one.
        guard untilReset ?? Self.documentedWindow > .zero else { return }
        let end = now + min(untilReset ?? Self.documentedWindow, RetryAfter.bound)
        let isSameWindow = isTold && resetsAt.map { abs($0 - end) < .seconds(2) } ?? false
        remaining = isSameWindow ? min(remaining, told) : told
        resetsAt = isSameWindow ? resetsAt : end
        limit = max(1, Self.number(head["x-ratelimit-limit"]) ?? max(limit, told))
        isTold = true
    }

    /// What a server tells; nil where that is no number, or negative.
    private static func number(_ text: String?) -> Int? {
        text.flatMap { Int($0) }.flatMap { $0 < 0 ? nil : min($0, largestNumber) }
    }

    /// More than anybody sends in an hour, and far below where adding to it overflows.
    private static let largestNumber = 1_000_000_000

    /// After a 429 that named a time.
    mutating func block(until instant: ContinuousClock.Instant) {
        blockedUntil = max(blockedUntil ?? instant, instant)
    }

    func budget(at now: ContinuousClock.Instant) -> ClientStatistics.Budget {
        let resetsIn = resetsAt.flatMap { $0 > now ? $0 - now : nil }
        return ClientStatistics.Budget(
            limit: isTold ? limit : nil,
            remaining: isTold ? (resetsIn == nil ? limit : remaining) : nil,
            resetsIn: isTold ? resetsIn : nil
        )
    }
}

private func abs(_ duration: Duration) -> Duration {
    duration < .zero ? .zero - duration : duration
}
