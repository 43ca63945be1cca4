import Foundation

/// Runs what blocks on a thread of its own. Blocking calls on a mount from Swift's few pool threads would stop the
/// emulator that the mount waits for.
package func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}
