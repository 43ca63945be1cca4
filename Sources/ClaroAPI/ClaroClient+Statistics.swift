import Synchronization

/// Counting what is sent.
extension ClaroClient {
    /// To be called before something is sent; `State.end` afterwards.
    func begin(_ operation: APIError.Operation) {
        // Storage hosts have no part in the budget.
        let requester = operation == .download ? nil : configuration.requester()
        let now = clock.now()
        state.withLock { $0.begin(for: requester, at: now) }
    }
}

extension ClaroClient.State {
    /// Names that programs can give themselves are many; those after the first ones are counted together.
    private static let requesterBound = 100

    fileprivate mutating func begin(for requester: String?, at now: ContinuousClock.Instant) {
        inFlight += 1
        guard let requester else { return }
        rate.count(at: now)
        let isKnown = requesters[requester] != nil || requesters.count < Self.requesterBound
        requesters[isKnown ? requester : "others", default: 0] += 1
    }

    /// What was begun is over; without an outcome it was given up half-way on purpose.
    mutating func end(_ operation: APIError.Operation, _ outcome: ClientStatistics.Outcome?) {
        inFlight -= 1
        guard let outcome else { return }
        requests[ClientStatistics.Key(operation: operation, outcome: outcome), default: 0] += 1
    }

    func statistics(at now: ContinuousClock.Instant) -> ClientStatistics {
        var statistics = ClientStatistics()
        statistics.requests = requests
        statistics.requesters = requesters
        statistics.inFlight = inFlight
        statistics.budget = limiter.budget(at: now)
        statistics.breaker = breaker.statistics(at: now)
        let told = statistics.budget
        let isOfMinute = told.limit.map { $0 <= RateLimiter.documentedLimit } ?? false
        statistics.minute = window(.seconds(60), RateLimiter.documentedLimit, isOfMinute ? told : nil, at: now)
        let toldOfHour = isOfMinute || told.limit == nil ? nil : told
        statistics.hour = window(.seconds(3600), RateLimiter.documentedHourlyLimit, toldOfHour, at: now)
        return statistics
    }

    private func window(
        _ length: Duration,
        _ documentedLimit: Int,
        _ told: ClientStatistics.Budget?,
        at now: ContinuousClock.Instant
    ) -> ClientStatistics.Window {
        let sent = rate.total(of: length, at: now)
        return ClientStatistics.Window(sent: sent, left: told?.remaining ?? max(0, documentedLimit - sent))
    }
}
