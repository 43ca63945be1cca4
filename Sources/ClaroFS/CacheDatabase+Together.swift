import GRDB
import Synchronization

/// Writes that nobody waits for, gathered into transactions: most of what one costs is the same for ten, above all the pages
/// that all of them change.
extension CacheDatabase {
    /// What waits for the next transaction.
    struct Gathered {
        var writes: [@Sendable (Database) throws -> Void] = []
        var writers: [CheckedContinuation<Bool, Never>] = []
        /// When the last one began.
        var lastTime: ContinuousClock.Instant?
        /// How many writes it had.
        var lastCount = 0

        /// How long to wait for others: the longer, the faster they come. A walk that begins waits for each.
        func delay(at now: ContinuousClock.Instant) -> Duration {
            guard let lastTime else { return .zero }
            let time = min(CacheDatabase.gatheringTime, .milliseconds(lastCount))
            return max(.zero, time - (now - lastTime))
        }
    }

    /// From one transaction to the next at most: long enough for many of a walk's answers, short beside the round trip that
    /// each of them took.
    private static let gatheringTime: Duration = .milliseconds(10)

    /// As `write`, but soon after another one in one transaction with all that comes meanwhile; tells whether it is written.
    func writeTogether(_ body: @escaping @Sendable (Database) throws -> Void) async -> Bool {
        await withCheckedContinuation { continuation in
            let delay: Duration? = gathered.withLock { gathered in
                gathered.writes.append(body)
                gathered.writers.append(continuation)
                return gathered.writers.count == 1 ? gathered.delay(at: .now) : nil
            }
            switch delay {
            // Whoever was first sees to it.
            case nil: break
            case .zero?: writeGathered()
            case let delay?:
                Task {
                    try? await Task.sleep(for: delay)
                    writeGathered()
                }
            }
        }
    }

    /// Writes what waits for it at once.
    func writeGathered() {
        let gathered = gathered.withLock { gathered in
            defer { gathered = Gathered(lastTime: .now, lastCount: gathered.writers.count) }
            return gathered
        }
        guard !gathered.writers.isEmpty else { return }
        let written: Void? = write { database in
            for body in gathered.writes { try body(database) }
        }
        for writer in gathered.writers { writer.resume(returning: written != nil) }
    }
}
