/// How many requests were sent lately: one count for each second of the last hour in which any was.
struct RequestRate: Sendable {
    private struct Second {
        let start: ContinuousClock.Instant
        var count: Int
    }

    /// The oldest first.
    private var seconds: [Second] = []

    mutating func count(at now: ContinuousClock.Instant) {
        if let last = seconds.last, now - last.start < .seconds(1) {
            seconds[seconds.count - 1].count += 1
        } else {
            let expired = seconds.prefix { now - $0.start > .seconds(3600) }.count
            seconds.removeFirst(expired)
            seconds.append(Second(start: now, count: 1))
        }
    }

    func total(of window: Duration, at now: ContinuousClock.Instant) -> Int {
        seconds.reversed().prefix { now - $0.start < window }.reduce(0) { $0 + $1.count }
    }
}
