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

    /// Requests to the API in the windows of its documented limits. Others may use the same key: what is left is an upper
    /// bound, unless the server told it.
    package struct Window: Sendable, Hashable {
        /// Sent by this client.
        package let sent: Int
        package let left: Int
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
    /// Of those, the ones to the API alone, by whom they were made for.
    package internal(set) var requesters: [String: Int] = [:]
    /// Calls and downloads that wait for an answer.
    package internal(set) var inFlight = 0
    package internal(set) var minute = Window(sent: 0, left: 0)
    package internal(set) var hour = Window(sent: 0, left: 0)
    package internal(set) var budget = Budget(limit: nil, remaining: nil, resetsIn: nil)
    package internal(set) var breaker = Breaker.closed
}
