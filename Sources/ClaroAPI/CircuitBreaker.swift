/// Lets calls fail at once while the API is known to be out of reach, and finds out when it is back.
///
/// Opens when a connection is refused or not routed, or when three calls for different things in a row (one prompt
/// that always fails is not an outage) end in a timeout, a 5xx or a lost connection. After 10 s, doubling to 60 s, one
/// call is let through; its success closes the breaker. Any answer that shows the server alive does, at any time.
struct CircuitBreaker: Sendable {
    private enum State {
        case closed
        case open(until: ContinuousClock.Instant)
        case probing
    }

    enum Admission: Equatable {
        case admitted
        /// Admitted to find out; must be settled by `record` whatever happens.
        case probe
        /// Refused for the reason that opened the breaker.
        case refused(APIError.Code)
    }

    /// What a call showed of the server.
    enum Verdict {
        case alive
        case unreachable
        case faulty(APIError.Code)
        /// Nothing: it was cancelled, or never sent.
        case none
    }

    private var state = State.closed
    private var failingSubjects: Set<String> = []
    private var openDuration = Self.shortestOpenDuration
    private var openedBy = APIError.Code.unreachable

    static let failureBound = 3
    static let shortestOpenDuration: Duration = .seconds(10)
    static let longestOpenDuration: Duration = .seconds(60)

    mutating func admit(at now: ContinuousClock.Instant) -> Admission {
        switch state {
        case .closed:
            return .admitted
        case .open(let until) where until <= now:
            state = .probing
            return .probe
        case .open, .probing:
            return .refused(openedBy)
        }
    }

    /// Whether nothing has failed since the last success.
    var isSound: Bool {
        if case .closed = state { failingSubjects.isEmpty } else { false }
    }

    /// Whether a call that was admitted should not be repeated now.
    var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    mutating func record(
        _ verdict: Verdict,
        of subject: String,
        wasProbe: Bool,
        at now: ContinuousClock.Instant
    ) {
        switch verdict {
        case .alive:
            self = CircuitBreaker()
        case .unreachable:
            open(.unreachable, wasProbe: wasProbe, at: now)
        case .faulty(let code):
            failingSubjects.insert(subject)
            if wasProbe || failingSubjects.count >= Self.failureBound { open(code, wasProbe: wasProbe, at: now) }
        case .none:
            if wasProbe { state = .open(until: now) }
        }
    }

    /// Calls that were under way when it opened fail one after the other; they neither prolong nor reset it.
    private mutating func open(_ code: APIError.Code, wasProbe: Bool, at now: ContinuousClock.Instant) {
        if case .closed = state {
            openDuration = Self.shortestOpenDuration
        } else if wasProbe {
            openDuration = min(openDuration * 2, Self.longestOpenDuration)
        } else {
            return
        }
        openedBy = code
        failingSubjects = []
        state = .open(until: now + openDuration)
    }

    func statistics(at now: ContinuousClock.Instant) -> ClientStatistics.Breaker {
        switch state {
        case .closed: .closed
        case .open(let until) where until > now: .open(openedBy, remaining: until - now)
        case .open, .probing: .probing
        }
    }
}
