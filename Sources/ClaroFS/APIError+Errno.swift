import ClaroAPI
import Logging
import Synchronization
import SystemPackage

extension APIError {
    /// What a program is told when this was the end of it. The only place where errors of the API become errnos.
    var errno: Errno {
        switch code {
        case .notFound: .noSuchFileOrDirectory
        case .forbidden, .unauthorized: .permissionDenied
        case .rateLimited: .resourceTemporarilyUnavailable
        case .unreachable: .noRouteToHost
        case .timeout: .timedOut
        case .cancelled: .interrupted
        case .badRequest, .serverFault, .malformed, .connectionLost, .tls, .signedURLRejected: .ioError
        }
    }

    /// Whether the answer says something about the thing itself, rather than about the way to it: then nothing older may
    /// be served in its place.
    var isVerdict: Bool { code == .notFound || code == .forbidden }
}

/// Logs failures where they stop travelling: each cause once, then how often it came again, once a minute.
final class FaultLog: Sendable {
    private struct Cause: Hashable {
        let code: APIError.Code
        let operation: APIError.Operation
        let status: Int?
    }

    private struct State {
        /// How often each cause came since it was last written about.
        var repeats: [Cause: Int] = [:]
    }

    private let logger: Logger
    private let state = Mutex(State())

    init(_ logger: Logger) { self.logger = logger }

    /// To be called once for each failed fetch, however many callers waited for it.
    func report(_ error: APIError) {
        // Names that do not exist are every day's business, and a fetch that was given up is no fault.
        guard error.code != .notFound, error.code != .cancelled else { return }
        let newCause: Cause? = state.withLock { state in
            var cause = Cause(code: error.code, operation: error.operation, status: error.status)
            // What was not even sent fails for the reason for which others did, and of that there is a line.
            if error.wasHeldBack { cause = state.repeats.keys.first { $0.code == error.code } ?? cause }
            guard let count = state.repeats[cause] else {
                state.repeats[cause] = 0
                return cause
            }
            state.repeats[cause] = count + 1
            return nil
        }
        guard let cause = newCause else { return }
        logger.warning("\(error)")
        Task {
            try? await Task.sleep(for: .seconds(60))
            summarize(cause, error)
        }
    }

    /// Ends the minute: says how often the cause came again, and listens for another minute if it did.
    private func summarize(_ cause: Cause, _ error: APIError) {
        let count = state.withLock { state in
            let count = state.repeats[cause] ?? 0
            state.repeats[cause] = count == 0 ? nil : 0
            return count
        }
        guard count > 0 else { return }
        logger.warning("\(count) more like this in the last minute: \(error)")
        Task {
            try? await Task.sleep(for: .seconds(60))
            summarize(cause, error)
        }
    }
}

/// What is served although it could not be renewed, and why.
final class StaleRegister: Sendable {
    private let causes = Mutex<[String: String]>([:])

    func mark(_ subject: String, _ cause: String) { causes.withLock { $0[subject] = cause } }

    func clear(_ subject: String) { causes.withLock { _ = $0.removeValue(forKey: subject) } }

    /// Clears what belongs to prompts that are gone: nobody can ask for it again.
    func clear(where isGone: (PromptName) -> Bool) {
        causes.withLock { causes in
            causes = causes.filter { subject, _ in
                let parts = subject.prefix { $0 != ":" }.split(separator: "/")
                guard parts.count == 2, let prompt = PromptName(namespace: parts[0].dropFirst(), slug: parts[1]) else {
                    return true
                }
                return !isGone(prompt)
            }
        }
    }

    func cause(of subject: String) -> String? { causes.withLock { $0[subject] } }

    /// By subject.
    var all: [(subject: String, cause: String)] {
        causes.withLock { $0 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
