/// What a call to the API came to when it failed, in words that may be logged: no key, no text of a prompt, and of a
/// signed URL no query.
package struct APIError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// 404.
        case notFound
        /// 403.
        case forbidden
        /// 401, also after the key was read again.
        case unauthorized
        /// 429, or the budget is known to be spent; waiting for it would have taken longer than the deadline.
        case rateLimited
        /// 400 and every other 4xx.
        case badRequest
        /// 5xx.
        case serverFault
        /// An answer that is not what was asked for: no JSON, a wrong type, cut off, too large, a redirect.
        case malformed
        /// The connection broke before the answer was there.
        case connectionLost
        /// No address, no route, or nobody listens.
        case unreachable
        /// The two ends could not agree on TLS, or the certificate is not one that is trusted.
        case tls
        /// The deadline passed; for a download: not a byte came for too long.
        case timeout
        /// The storage host does not take the signed URL (any more). A new one may do.
        case signedURLRejected
        /// The caller's task was cancelled, or the client was shut down.
        case cancelled
    }

    package enum Operation: String, Sendable, CaseIterable {
        case getPrompt, listPrompts, downloadURL, download, health

        /// As in "getting @acme/support:v3 failed".
        package var verb: String {
            switch self {
            case .getPrompt: "getting"
            case .listPrompts: "listing"
            case .downloadURL: "locating"
            case .download: "downloading"
            case .health: "checking"
            }
        }
    }

    package let code: Code
    package let operation: Operation
    /// What was asked for: a package name, a context item's id, a page.
    package let subject: String
    /// The HTTP status, if there was an answer.
    package var status: Int?
    /// What the server calls this request in its own logs.
    package var requestID: String?
    /// What happened, for a person; the server's message as far as it is fit to print. May be empty.
    package var cause: String
    /// How often something was sent.
    package var attempts: Int
    /// Whether this call was given up without being sent (again): the breaker is open, or the budget is spent.
    package var wasHeldBack: Bool

    package init(
        _ code: Code,
        _ operation: Operation,
        _ subject: String,
        status: Int? = nil,
        requestID: String? = nil,
        cause: String = "",
        attempts: Int = 1,
        wasHeldBack: Bool = false
    ) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.status = status
        self.requestID = requestID
        self.cause = cause
        self.attempts = attempts
        self.wasHeldBack = wasHeldBack
    }

    /// `getting @acme/support:v3 failed: 503 after 4 attempts: overloaded (request id abc)`
    package var description: String {
        var text = "\(operation.verb) \(subject) failed: \(status.map(String.init) ?? reason)"
        if attempts > 1 { text += " after \(attempts) attempts" }
        if status != nil, !cause.isEmpty { text += ": \(cause)" }
        if wasHeldBack { text += " (not sent)" }
        if let requestID { text += " (request id \(requestID))" }
        return text
    }

    private var reason: String { cause.isEmpty ? code.rawValue : cause }
}
