import Foundation
import Synchronization
import TestSupport

/// Looks at a mount's root a hundred times a second, which must never wait for the network.
final class RootWatch: Sendable {
    /// What the slowest looks took.
    struct Longest: Sendable {
        var stat = Duration.zero
        /// The kernel asks the daemon each time.
        var statfs = Duration.zero
    }

    private let isEnding = Mutex(false)

    private init() {}

    /// Runs `body` and looks meanwhile, on a thread of its own.
    static func look<Value>(
        at path: String,
        during body: () async throws -> Value
    ) async throws -> (value: Value, longest: Longest) {
        let watch = RootWatch()
        async let longest = offPool { try watch.look(at: path) }
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        watch.isEnding.withLock { $0 = true }
        return (try result.get(), try await longest)
    }

    private func look(at path: String) throws -> Longest {
        var longest = Longest()
        while !isEnding.withLock({ $0 }) {
            let start = ContinuousClock.now
            var status = stat()
            try check(lstat(path, &status))
            let middle = ContinuousClock.now
            var statistics = statvfs()
            try check(statvfs(path, &statistics))
            longest.stat = max(longest.stat, middle - start)
            longest.statfs = max(longest.statfs, .now - middle)
            usleep(10_000)
        }
        return longest
    }
}
