/// Whether and when a request is sent once more. All requests of this client are reads, the POST too.
///
/// | after attempt | 429 without a hint | 502, 503, 504, lost connection |
/// |---|---|---|
/// | 1 | 1 s | 0.25 – 0.5 s |
/// | 2 | 2 s | 0.5 – 1 s |
/// | 3 | 4 s | 1 – 2 s |
/// | 4 | fails | fails |
struct RetryPolicy: Sendable {
    /// What the API's documentation recommends: three more after the first.
    var attemptBound = 4

    enum Cause {
        /// 429.
        case rateLimited
        case faultOnTheWay
    }

    /// How long to wait between `attempt`, which just failed and counts from 1, and the next; nil if there should be
    /// none. `random` is from 0 up to 1. To `hint`, what the server asked for, a little is added, so that not everybody
    /// comes back at once.
    func delay(after attempt: Int, _ cause: Cause, hint: Duration?, random: Double) -> Duration? {
        guard attempt < attemptBound else { return nil }
        if let hint { return hint + .milliseconds(250) * random }
        let doubling = Double(1 << (attempt - 1))
        return switch cause {
        case .rateLimited: .seconds(doubling)
        case .faultOnTheWay: .milliseconds(250) * doubling * (1 + random)
        }
    }
}

/// When a server wants to be asked again.
enum RetryAfter {
    /// No server gets this client to be silent for longer: its hourly window is over by then.
    static let bound: Duration = .seconds(3600)

    /// What an answer with 429 or 503 asks for: `Retry-After` in seconds or as a date, `error.retry_after` in the
    /// body, or the end of the rate limit's window; nil if it says nothing.
    static func hint(in head: HTTPHead, body: JSONValue?, wallTime: Timestamp) -> Duration? {
        let serverTime = head["date"].flatMap(HTTPDate.timestamp) ?? wallTime
        let hint =
            head["retry-after"].flatMap { duration($0, from: serverTime) }
            ?? body?["error"]?["retry_after"]?.integer.map { .seconds($0) }
            ?? head["x-ratelimit-reset"].flatMap { windowEnd($0, from: serverTime) }
        return hint.map { min(max($0, .zero), bound) }
    }

    /// Reads `Retry-After` (RFC 9110, 10.2.3).
    private static func duration(_ text: String, from serverTime: Timestamp) -> Duration? {
        if let seconds = Int64(text) { return .seconds(min(seconds, bound.components.seconds)) }
        return HTTPDate.timestamp(text).map { .seconds($0.seconds - serverTime.seconds) }
    }

    /// Reads `X-RateLimit-Reset`: seconds since 1970, or, if that would be in 1970, from now on.
    static func windowEnd(_ text: String, from serverTime: Timestamp) -> Duration? {
        guard let number = DecimalNumber(text)?.integer().flatMap({ Int64(exactly: $0) }), number >= 0 else {
            return nil
        }
        let isDelta = number < 31_536_000
        return .seconds(isDelta ? number : number - serverTime.seconds)
    }
}
