import Foundation

extension Emulator {
    /// 200 and `object`, in the envelope if there is one.
    func success(_ object: JSON) -> Answer {
        let body = configuration.wrapsInEnvelope ? ["data": object] : object
        return Answer(status: 200, body: .json(body)).asJSON
    }

    /// An error as the documents show it, or in the configured shape.
    func failure(_ status: Int, _ code: String, _ message: String, retryAfter: Int? = nil) -> Answer {
        var error: JSON = ["code": .string(code), "message": .string(message)]
        if let retryAfter { error = error.overridden(by: ["retry_after": .integer(Int64(retryAfter))]) }
        switch configuration.errorShape {
        case .object: return Answer(status: status, body: .json(["error": error])).asJSON
        case .string: return Answer(status: status, body: .json(["error": .string(message)])).asJSON
        case .topLevel: return Answer(status: status, body: .json(["message": .string(message)])).asJSON
        case .text: return plain(status, message + "\n")
        case .empty: return Answer(status: status)
        }
    }

    func rateLimited(retryAfter seconds: Int, form: Configuration.RetryAfterForm) -> Answer {
        var answer = failure(429, "rate_limit_exceeded", "Rate limit exceeded", retryAfter: seconds)
        switch form {
        case .seconds: answer.headers.append(("Retry-After", String(seconds)))
        case .date: answer.headers.append(("Retry-After", HTTPDate.text(Date().addingTimeInterval(Double(seconds)))))
        case .absent: break
        }
        return answer
    }

    func plain(_ status: Int, _ text: String) -> Answer {
        Answer(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: .bytes(Array(text.utf8)))
    }

    /// The documented error for a status.
    func failure(_ status: Int) -> Answer {
        let code =
            switch status {
            case 400: "validation_error"
            case 401: "unauthorized"
            case 403: "forbidden"
            case 404: "not_found"
            case 429: "rate_limit_exceeded"
            case 503: "service_unavailable"
            default: "internal_error"
            }
        return failure(status, code, "Injected: \(status)")
    }
}

extension Answer {
    var asJSON: Answer {
        var answer = self
        answer.headers.append(("Content-Type", "application/json"))
        return answer
    }
}

/// A page's position, as the token that clients hand back unread: base64 of a small JSON object.
enum PageCursor {
    static func text(forOffset offset: Int) -> String {
        let object: JSON = ["offset": .integer(Int64(offset))]
        return Data(object.encoded).base64EncodedString()
    }

    static func offset(of text: String) -> Int? {
        guard let data = Data(base64Encoded: text), let object = try? JSON.parse(Array(data)),
            let offset = object["offset"]?.integer, (0...Int64(Int32.max)).contains(offset)
        else { return nil }
        return Int(offset)
    }
}

/// `name=value&…`, percent-encoded, with `+` for a space.
enum FormQuery {
    static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            values[decode(parts[0])] = parts.count > 1 ? decode(parts[1]) : ""
        }
        return values
    }

    static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }

    private static func decode(_ text: Substring) -> String {
        let spaced = text.replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? String(spaced)
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )
}

/// The header `Range` with one range (RFC 9110, section 14); several, or another unit, mean the whole.
enum ByteRange: Equatable {
    case whole
    case part(Range<Int64>)
    case unsatisfiable

    static func parse(_ header: String?, total: Int64) -> ByteRange {
        guard let match = header?.wholeMatch(of: /bytes=([0-9]*)-([0-9]*)/) else { return .whole }
        switch (Int64(match.1), Int64(match.2)) {
        case (let first?, let last?):
            guard first <= last else { return .whole }
            return first < total ? .part(first..<min(last, total - 1) + 1) : .unsatisfiable
        case (let first?, nil): return first < total ? .part(first..<total) : .unsatisfiable
        case (nil, let count?):
            guard count > 0, total > 0 else { return .unsatisfiable }
            return .part(max(0, total - count)..<total)
        case (nil, nil): return .whole
        }
    }
}

/// A date as HTTP writes it (RFC 9110, section 5.6.7).
enum HTTPDate {
    static func text(_ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.string(from: date)
    }
}
