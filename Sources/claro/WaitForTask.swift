import Dispatch
import Synchronization

/// Runs `body` as a task to its end, from a thread that is not one of the pool's.
func waitForTask<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
    let box = Box<Value>()
    Task {
        let value = await body()
        box.value.withLock { $0 = value }
        box.hasValue.signal()
    }
    box.hasValue.wait()
    // The signal comes after the value.
    return box.value.withLock { $0! }
}

private final class Box<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
    let hasValue = DispatchSemaphore(value: 0)
}
