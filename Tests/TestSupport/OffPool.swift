import Foundation

/// Runs what blocks on a thread of its own. Blocking calls on a mount from Swift's few pool threads would stop the
/// emulator that the mount waits for.
package func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            // Threads of the pool block every signal; a program started from here would never see its SIGTERM.
            var none = sigset_t()
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, nil)
            continuation.resume(with: Result(catching: body))
        }
    }
}
