/// Times small pieces of work and prints what one takes.
struct Stopwatch {
    /// Batches of which the median counts.
    private static let batchCount = 21
    /// How long a batch takes at least, far above what reading the clock costs.
    private static let batchDuration: Duration = .milliseconds(10)

    private let clock = ContinuousClock()

    /// Runs `body` many times and prints the nanoseconds of one run: the median of the batches, and the fastest.
    func measure(_ name: String, _ body: () async throws -> Void) async rethrows {
        var count = 1
        while try await time(count, body) < Self.batchDuration { count *= 2 }
        var nanoseconds: [Double] = []
        for _ in 0..<Self.batchCount {
            nanoseconds.append(try await time(count, body) / .nanoseconds(1) / Double(count))
        }
        nanoseconds.sort()
        let median = Int(nanoseconds[Self.batchCount / 2].rounded())
        let padding = String(repeating: " ", count: max(1, 40 - name.utf8.count))
        print("\(name)\(padding)\(median) ns/op (fastest \(Int(nanoseconds[0].rounded())))")
    }

    private func time(_ count: Int, _ body: () async throws -> Void) async rethrows -> Duration {
        let start = clock.now
        for _ in 0..<count { try await body() }
        return start.duration(to: clock.now)
    }
}
