import ClaroAPI

/// Something that was fetched, is fetched again when its time is over and somebody wants it, and by one fetch at a time
/// for all who want it.
struct Renewable<Value: Sendable>: Sendable {
    /// What a caller does next; found under a lock, done outside of it.
    enum Step {
        case serve(Value)
        case wait(SharedFetch<Value>, older: Value?)
    }

    private(set) var value: Value?
    /// nil: for ever.
    private(set) var freshUntil: ContinuousClock.Instant?
    private var fetch: SharedFetch<Value>?
    private var backoff = RetryBackoff()

    /// Nothing is there yet.
    init() {}

    var isBeingFetched: Bool { fetch != nil }

    func isFresh(at now: ContinuousClock.Instant) -> Bool { value != nil && freshUntil.map { now < $0 } ?? true }

    /// What somebody does who wants the value: `isGoodEnough` tells whether one that is there may be used as it is;
    /// `start` begins the fetch, if none is under way.
    mutating func step(
        at now: ContinuousClock.Instant,
        if isGoodEnough: (Self) -> Bool,
        start: () -> SharedFetch<Value>
    ) -> Step {
        if let value, isGoodEnough(self) || backoff.isWaiting(at: now) { return .serve(value) }
        let fetch = fetch ?? start()
        self.fetch = fetch
        if let value, fetch.hasExceededDeadline { return .serve(value) }
        return .wait(fetch, older: value)
    }

    mutating func fetched(_ value: Value, freshUntil: ContinuousClock.Instant?) {
        self = Renewable()
        self.value = value
        self.freshUntil = freshUntil
    }

    /// The fetch failed and what was there stays. It is served without asking for a while, unless the API's answer was a
    /// verdict on the thing itself: then it is not served.
    mutating func failed(_ error: APIError, at now: ContinuousClock.Instant) {
        fetch = nil
        if !error.isVerdict { backoff.failed(at: now) }
    }

    /// The next use fetches.
    mutating func expire(at now: ContinuousClock.Instant) {
        freshUntil = now
        backoff.succeeded()
    }
}
