/// Something that goes wrong with one answer.
package enum Fault: Sendable {
    /// The answer comes so much later.
    case latency(Duration)
    /// An error in the documented shape, or with a body of your own.
    case status(Int, headers: [String: String] = [:], body: [UInt8]? = nil)
    /// 429, told to come back after so many seconds, in the configuration's form or in this one.
    case rateLimit(retryAfter: Int, form: Emulator.Configuration.RetryAfterForm? = nil)
    /// 200 with a body of your own.
    case body([UInt8], contentType: String = "application/json")
    /// 200 and bytes that are not JSON.
    case garbage
    /// The first half of the true body, with the half's Content-Length.
    case truncatedJSON
    /// 200 and a page of HTML, as a captive portal answers.
    case wrongContentType
    /// The true body, padded to so many bytes.
    case oversized(byteCount: Int64)
    /// The true body with one more member, so many arrays deep.
    case nesting(depth: Int)
    /// The true body with half a surrogate pair in the main text or the first listed title.
    case loneSurrogate
    case redirect(to: String, status: Int = 307)
    /// The true body, so slowly, in as many pieces a second as `piecesPerSecond` says.
    case slowDrip(bytesPerSecond: Int, piecesPerSecond: Int = 10)
    /// No answer until the faults are cleared; the true one then.
    case hang

    // Below HTTP, made by the relay.

    /// The connection is reset (RST) when so much of the answer has been sent.
    case reset(after: AnswerPart)
    /// The connection is closed (FIN) in an orderly way after so many bytes of the body.
    case cutBody(after: Int)
    /// Bytes that are not HTTP, then the connection is closed.
    case malformedHTTP
    /// Not one byte, and the connection stays open until the client closes it or the emulator stops.
    case noAnswer

    package enum AnswerPart: Sendable, CaseIterable {
        case nothing
        /// A part of the headers.
        case status
        /// All of the headers and nothing of the body.
        case headers
    }
}

/// Which requests a fault meets.
package struct RequestMatcher: Sendable {
    private let matches: @Sendable (RequestLog.Entry) -> Bool

    package init(_ matches: @escaping @Sendable (RequestLog.Entry) -> Bool) {
        self.matches = matches
    }

    package func matches(_ entry: RequestLog.Entry) -> Bool { matches(entry) }

    package static let any = RequestMatcher { _ in true }

    package static func operation(_ operations: Operation...) -> RequestMatcher {
        RequestMatcher { operations.contains($0.operation) }
    }

    /// Requests of `operation` about `subject`: a package name as it is asked for (`@acme/support:v1`), a package name
    /// without version (`@acme/support`: all versions), or a context item's id.
    package static func operation(_ operation: Operation, subject: String) -> RequestMatcher {
        RequestMatcher { entry in
            guard entry.operation == operation, let asked = entry.subject else { return false }
            return asked == subject || asked.hasPrefix(subject + ":")
        }
    }

    package static let getPrompt = operation(.getPrompt)
    package static let listPrompts = operation(.listPrompts)
    package static let downloadURL = operation(.downloadURL)
    package static let storage = operation(.storage)
}

/// The faults in force, oldest first.
struct FaultRules: Sendable {
    private struct Rule {
        let fault: Fault
        let matcher: RequestMatcher
        var timesLeft: Int?
    }

    private var rules: [Rule] = []

    mutating func add(_ fault: Fault, on matcher: RequestMatcher, times: Int?) {
        guard times.map({ $0 > 0 }) ?? true else { return }
        rules.append(Rule(fault: fault, matcher: matcher, timesLeft: times))
    }

    mutating func removeAll() { rules = [] }

    /// The first rule that matches, used up by one.
    mutating func take(for entry: RequestLog.Entry) -> Fault? {
        guard let index = rules.firstIndex(where: { $0.matcher.matches(entry) }) else { return nil }
        let fault = rules[index].fault
        if let timesLeft = rules[index].timesLeft {
            if timesLeft == 1 { rules.remove(at: index) } else { rules[index].timesLeft = timesLeft - 1 }
        }
        return fault
    }
}
