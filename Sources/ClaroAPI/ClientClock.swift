/// What the client takes from outside for its waits: the time, a way to wait, and chance. Tests bring their own.
package struct ClientClock: Sendable {
    /// For deadlines and lifetimes.
    package var now: @Sendable () -> ContinuousClock.Instant
    /// For what servers say in calendar time.
    package var wallTime: @Sendable () -> Timestamp
    /// Returns after that long, or throws when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void
    /// From 0 up to, but not including, 1.
    package var random: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        wallTime: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.wallTime = wallTime
        self.sleep = sleep
        self.random = random
    }

    package static let system = ClientClock(
        now: { .now },
        wallTime: { .now() },
        sleep: { try await Task.sleep(for: $0) },
        random: { .random(in: 0..<1) }
    )
}
