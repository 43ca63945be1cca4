import Dispatch
import Glibc
import Synchronization
import Testing

@testable import mount_claro

struct TaskThreadsTests {
    @Test(.timeLimit(.minutes(1)))
    func `where all threads are stuck there are more, until nobody waits`() async throws {
        let threads = TaskThreads.shared
        let usualCount = 2 + sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let gate = DispatchSemaphore(value: 0)
        let stuck = (0..<usualCount).map { _ in Task(executorPreference: threads) { Self.wait(for: gate) } }
        let isRun = Mutex(false)
        let waiting = Task(executorPreference: threads) { isRun.withLock { $0 = true } }
        while !isRun.withLock({ $0 }) {
            // Whoever comes sees that somebody has waited too long.
            _ = Task(executorPreference: threads) {}
            try await Task.sleep(for: .milliseconds(20))
        }
        for _ in stuck { gate.signal() }
        for task in stuck + [waiting] { await task.value }
        while threads.threadCount > usualCount {
            await Task(executorPreference: threads) {}.value
        }
    }

    private static func wait(for gate: DispatchSemaphore) { gate.wait() }
}
