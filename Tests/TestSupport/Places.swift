import Synchronization

/// A number of places for tests that take much of the machine, so that a test's time does not depend on how many others
/// there are.
package final class Places: Sendable {
    @TaskLocal private static var hasOne = false

    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    package init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Runs `body` in a place, waiting for one. A test that has one needs no second.
    package func take<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        if Self.hasOne { return try await body() }
        await enter()
        defer { leave() }
        return try await Self.$hasOne.withValue(true) { try await body() }
    }

    private func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
