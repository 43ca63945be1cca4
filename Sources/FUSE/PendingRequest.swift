import Glibc
import Synchronization
import SystemPackage

/// A request between its arrival and its answer: the one-word box that carries the move-only `Request` into a task, and
/// the place where the answer and an interruption meet.
final class PendingRequest: Sendable {
    private struct State {
        /// The work. Absent until it has first suspended.
        var task: Task<Void, Never>?
        /// Looks at the caller's pending signals from the first interruption to the answer.
        var signalWatch: Task<Void, Never>?
        var isInterrupted = false
        var isAnswered = false
    }

    // Locks are taken in this order: `request`, libfuse's own of the request, `state`.
    private let request: Mutex<Request?>
    private let state = Mutex(State())
    /// The one that waits for the answer.
    let thread: pid_t

    /// To be made before the work starts: later the request may be answered and its memory freed.
    init(_ request: consuming Request) {
        thread = request.thread
        self.request = Mutex(consume request)
        // Unretained: `finish` unwatches, and whoever will call it holds on to this object.
        self.request.withLock { $0?.watchInterrupts(self) }
    }

    /// The work has suspended, and is `task`.
    func suspended(as task: Task<Void, Never>) {
        state.withLock { state in
            guard !state.isAnswered else { return }
            state.task = task
            if state.isInterrupted { watchSignals(of: task, &state) }
        }
    }

    /// Called by libfuse from another worker thread with the request's lock held.
    func interrupt() {
        state.withLock { state in
            guard !state.isAnswered, !state.isInterrupted else { return }
            state.isInterrupted = true
            if let task = state.task { watchSignals(of: task, &state) }
        }
    }

    /// The waiter stops waiting; its answer will be EINTR.
    func cancel() {
        state.withLock { $0.task }?.cancel()
    }

    /// Hands the request out, once, to whoever answers it.
    func finish() -> Request? {
        guard let request = request.withLock({ $0.take() }) else { return nil }
        request.unwatchInterrupts()
        state.withLock { state in
            state.isAnswered = true
            state.signalWatch?.cancel()
            state.task = nil
            state.signalWatch = nil
        }
        return request
    }

    var isAnswered: Bool { state.withLock { $0.isAnswered } }

    /// FUSE_INTERRUPT comes once and for every signal, also for one that the program handles and goes on after, such as
    /// Go's SIGURG. Only the signals by which people and systems stop programs end the wait.
    private func watchSignals(of task: Task<Void, Never>, _ state: inout State) {
        state.signalWatch = Task { [thread] in
            while !Task.isCancelled {
                if PendingSignals.stopWaiting(thread) { return task.cancel() }
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}
