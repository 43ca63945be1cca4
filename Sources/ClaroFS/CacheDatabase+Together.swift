import GRDB
import Synchronization

/// Writes that nobody waits for, gathered into transactions: most of what one costs is the same for ten, above all the pages
/// that all of them change.
extension CacheDatabase {
    /// What waits for the next transaction.
    struct Gathered {
        var writes: [@Sendable (Database) throws -> Void] = []
        var writers: [CheckedContinuation<Bool, Never>] = []
    }

    /// Long enough for what a walk's answers bring at a time, short beside the round trip that each of them took.
    private static let gatheringTime: Duration = .milliseconds(10)

    /// As `write`, a moment later and in one transaction with all that comes until then; tells whether it is written.
    func writeTogether(_ body: @escaping @Sendable (Database) throws -> Void) async -> Bool {
        await withCheckedContinuation { continuation in
            let isFirst = gathered.withLock { gathered in
                gathered.writes.append(body)
                gathered.writers.append(continuation)
                return gathered.writers.count == 1
            }
            guard isFirst else { return }
            Task {
                try? await Task.sleep(for: Self.gatheringTime)
                writeGathered()
            }
        }
    }

    /// Writes what waits for it at once.
    func writeGathered() {
        let gathered = gathered.withLock { gathered in
            defer { gathered = Gathered() }
            return gathered
        }
        guard !gathered.writers.isEmpty else { return }
        let written: Void? = write { database in
            for body in gathered.writes { try body(database) }
        }
        for writer in gathered.writers { writer.resume(returning: written != nil) }
    }
}
