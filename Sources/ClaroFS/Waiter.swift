import ClaroAPI
import Synchronization

/// Why a caller did not get what it waited for.
enum WaitError: Error, Sendable {
    case failed(APIError)
    /// The caller's own deadline passed; what it waited for goes on.
    case timedOut
    /// The caller is being stopped; what it waited for goes on.
    case interrupted
}

/// One caller that waits, until it gets a result, its deadline passes, or its task is cancelled: whatever is first.
final class Waiter<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, WaitError>

    private enum State {
        case idle
        case waiting(CheckedContinuation<Outcome, Never>)
        case ended(Outcome)
    }

    private let state = Mutex(State.idle)

    /// The first call counts.
    func end(_ outcome: Outcome) {
        let continuation: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .idle:
                state = .ended(outcome)
                return nil
            case .waiting(let continuation):
                state = .ended(outcome)
                return continuation
            case .ended: return nil
            }
        }
        continuation?.resume(returning: outcome)
    }

    /// To be called once. Without a timeout it takes as long as it takes.
    func value(within timeout: Duration?) async throws(WaitError) -> Value {
        let deadline = timeout.map { timeout in
            Task {
                guard (try? await Task.sleep(for: timeout)) != nil else { return }
                end(.failure(.timedOut))
            }
        }
        defer { deadline?.cancel() }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early: Outcome? = state.withLock { state in
                    if case .ended(let outcome) = state { return outcome }
                    state = .waiting(continuation)
                    return nil
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            end(.failure(.interrupted))
        }
        return try outcome.get()
    }
}

/// A fetch that any number of callers wait for together. It runs to its end whoever stops waiting.
final class SharedFetch<Value: Sendable>: Sendable {
    private struct State {
        var outcome: Result<Value, APIError>?
        var waiters: [ObjectIdentifier: Waiter<Value>] = [:]
        var hasExceededDeadline = false
    }

    private let state = Mutex(State())

    init(_ operation: @escaping @Sendable () async throws(APIError) -> Value) {
        Task {
            let outcome: Result<Value, APIError>
            do throws(APIError) { outcome = .success(try await operation()) } catch { outcome = .failure(error) }
            finish(outcome)
        }
    }

    /// Whether somebody has already waited in vain: who has something older then does better to use it.
    var hasExceededDeadline: Bool { state.withLock { $0.hasExceededDeadline } }

    /// Without a timeout it takes as long as the fetch takes.
    func value(within timeout: Duration?) async throws(WaitError) -> Value {
        let waiter = Waiter<Value>()
        let outcome = state.withLock { state in
            if state.outcome == nil { state.waiters[ObjectIdentifier(waiter)] = waiter }
            return state.outcome
        }
        if let outcome { return try outcome.mapError(WaitError.failed).get() }
        do throws(WaitError) {
            return try await waiter.value(within: timeout)
        } catch {
            state.withLock { state in
                state.waiters[ObjectIdentifier(waiter)] = nil
                if case .timedOut = error { state.hasExceededDeadline = true }
            }
            throw error
        }
    }

    private func finish(_ outcome: Result<Value, APIError>) {
        let waiters = state.withLock { state in
            state.outcome = outcome
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.end(outcome.mapError(WaitError.failed)) }
    }
}
