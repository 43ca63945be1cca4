/// What a client has done and what it may still do: a snapshot.
package struct ClientStatistics: Sendable, Hashable {
    /// What one request that was sent came to.
    package enum Outcome: Sendable, Hashable {
        case status(Int)
        /// No answer.
        case failure(APIError.Code)
    }

    package struct Key: Sendable, Hashable {
        package let operation: APIError.Operation
        package let outcome: Outcome
    }

    /// The rate limit's window as the server last told it.
    package struct Budget: Sendable, Hashable {
        package let limit: Int?
        package let remaining: Int?
        /// Nil if the server did not say, or if that window is over.
        package let resetsIn: Duration?
    }

    package enum Breaker: Sendable, Hashable {
        case closed
        /// Calls fail at once.
        case open(APIError.Code, remaining: Duration)
        /// The next call, or one that is under way, decides.
        case probing
    }

    /// Requests sent since the start, repeated ones included.
    package internal(set) var requests: [Key: Int] = [:]
    package internal(set) var budget = Budget(limit: nil, remaining: nil, resetsIn: nil)
    package internal(set) var breaker = Breaker.closed
}
