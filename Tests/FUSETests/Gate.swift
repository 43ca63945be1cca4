import Synchronization
import SystemPackage

/// Where work waits until a test lets it go on.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrivedCount = 0
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var observers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    /// Waits until the gate is open.
    ///
    /// - Throws: EINTR when the work is cancelled.
    func pass() async throws(Errno) {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let mayPass = await withTaskCancellationHandler {
            await withCheckedContinuation { arrive(id, $0) }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: false)
        }
        guard mayPass else { throw .interrupted }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: true) }
    }

    /// Returns when `count` have come to the gate, whether they still wait or not.
    func waitForArrivals(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.arrivedCount >= count { return true }
                state.observers.append((count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }

    private func arrive(_ id: Int, _ continuation: CheckedContinuation<Bool, Never>) {
        let answer: Bool? = state.withLock { state in
            state.arrivedCount += 1
            if state.isOpen { return true }
            if Task.isCancelled { return false }
            state.waiting[id] = continuation
            return nil
        }
        if let answer { continuation.resume(returning: answer) }
        let reached = state.withLock { state in
            let reached = state.observers.filter { $0.count <= state.arrivedCount }
            state.observers.removeAll { $0.count <= state.arrivedCount }
            return reached
        }
        for observer in reached { observer.continuation.resume() }
    }
}
