import Synchronization

/// The API's operations, as a request names them.
package enum Operation: String, Sendable, CaseIterable {
    case getPrompt, listPrompts, downloadURL, storage, health
    /// A request that fits no route.
    case unknown
}

/// Every request that reached the emulator, in order of arrival. All of it is synchronous and safe on any thread.
package final class RequestLog: Sendable {
    package struct Entry: Sendable {
        package let operation: Operation
        package let method: String
        /// Path and query as sent.
        package let target: String
        /// The package name as it was asked for, or the context item's id.
        package let subject: String?
        /// The header `Range` as sent.
        package let range: String?
        package let hasAuthorization: Bool
        package let requestID: String
        package let arrivedAt: ContinuousClock.Instant
        /// nil until the answer is ready, and for ever where a fault below HTTP left nothing of it.
        package fileprivate(set) var status: Int?
        package fileprivate(set) var answeredAt: ContinuousClock.Instant?
    }

    private struct State {
        var entries: [Entry] = []
        /// Raised when the log is emptied, so that a request of before cannot mark one of after.
        var generation = 0
        var waiters: [(operation: Operation?, count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var observer: (@Sendable (Entry) -> Void)?

        func count(of operation: Operation?) -> Int {
            guard let operation else { return entries.count }
            return entries.count { $0.operation == operation }
        }

        /// The waiters whose count is reached, which wait no longer.
        mutating func takeReached() -> [CheckedContinuation<Void, Never>] {
            guard !waiters.isEmpty else { return [] }
            let isReached = waiters.map { count(of: $0.operation) >= $0.count }
            let reached = zip(waiters, isReached).filter(\.1).map(\.0.continuation)
            waiters = zip(waiters, isReached).filter { !$0.1 }.map(\.0)
            return reached
        }
    }

    private let state = Mutex(State())

    package var entries: [Entry] { state.withLock { $0.entries } }

    package var total: Int { state.withLock { $0.entries.count } }

    package func count(of operation: Operation) -> Int { state.withLock { $0.count(of: operation) } }

    package func removeAll() {
        state.withLock {
            $0.entries = []
            $0.generation += 1
        }
    }

    /// Returns as soon as `count` requests of `operation` (of any, if nil) have arrived, answered or not.
    package func wait(for count: Int, of operation: Operation? = nil) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.count(of: operation) >= count { return true }
                state.waiters.append((operation, count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }

    /// Calls `observer` with each request once its answer is ready, on any thread.
    package func observe(_ observer: @escaping @Sendable (Entry) -> Void) {
        state.withLock { $0.observer = observer }
    }
}

extension RequestLog {
    /// Where an entry stands.
    struct Ticket: Sendable {
        fileprivate let generation: Int
        fileprivate let index: Int
    }

    func add(_ entry: Entry) -> Ticket {
        let (ticket, reached) = state.withLock { state in
            state.entries.append(entry)
            let ticket = Ticket(generation: state.generation, index: state.entries.count - 1)
            return (ticket, state.takeReached())
        }
        for continuation in reached { continuation.resume() }
        return ticket
    }

    func finish(_ ticket: Ticket, _ entry: Entry, status: Int?) {
        var finished = entry
        finished.status = status
        finished.answeredAt = .now
        let observer = state.withLock { [finished] state in
            if state.generation == ticket.generation { state.entries[ticket.index] = finished }
            return state.observer
        }
        observer?(finished)
    }
}

extension RequestLog.Entry {
    init(
        operation: Operation,
        method: String,
        target: String,
        subject: String?,
        range: String?,
        hasAuthorization: Bool,
        requestID: String
    ) {
        self.operation = operation
        self.method = method
        self.target = target
        self.subject = subject
        self.range = range
        self.hasAuthorization = hasAuthorization
        self.requestID = requestID
        arrivedAt = .now
    }
}
