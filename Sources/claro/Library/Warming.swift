import ClaroAPI
import ClaroCommand
import ClaroFS
import Glibc
import Synchronization
import SystemPackage

/// One run of `claro warm`: a few versions at a time, within the budget.
final class Warming: Sendable {
    struct Result: Sendable {
        var fetchedCount = 0
        var presentCount = 0
        var failures: [(key: VersionKey, cause: String)] = []
        /// Why it was given up before the end.
        var outage: String?
    }

    /// Enough to hide the way to the server and back, few enough to leave the server to others.
    private static let width = 6

    private let session: LibrarySession
    private let withAttachments: Bool
    private let progress: ProgressLine?
    private let result = Mutex(Result())
    /// What is left to do, the last one first.
    private let rest = Mutex<[VersionKey]>([])

    init(_ session: LibrarySession, withAttachments: Bool) {
        self.session = session
        self.withAttachments = withAttachments
        progress = isatty(STDERR_FILENO) == 1 ? ProgressLine() : nil
    }

    func run(_ keys: [VersionKey]) async -> Result {
        rest.withLock { $0 = keys.reversed() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.width {
                group.addTask {
                    while self.result.withLock({ $0.outage == nil }), let key = self.rest.withLock({ $0.popLast() }) {
                        await self.warm(key)
                        self.show(of: keys.count)
                    }
                }
            }
        }
        progress?.end()
        return result.withLock { $0 }
    }

    private func warm(_ key: VersionKey) async {
        do throws(Errno) {
            let wasFetched = try await session.tree.warm(key, withAttachments: withAttachments) {
                self.progress?.wait(self.session.client.statistics)
            }
            result.withLock { result in
                if wasFetched { result.fetchedCount += 1 } else { result.presentCount += 1 }
            }
        } catch {
            let failure = session.failure(error, at: key)
            let isOutage = [.noRouteToHost, .timedOut, .resourceTemporarilyUnavailable].contains(error)
            result.withLock { result in
                if isOutage { result.outage = failure.text } else { result.failures.append((key, failure.text)) }
            }
        }
    }

    private func show(of total: Int) {
        let done = result.withLock { $0.fetchedCount + $0.presentCount + $0.failures.count }
        progress?.show(done: done, of: total, session.client.statistics)
    }
}
