import ClaroAPI
import ClaroCommand

/// What `claro doctor` found out about one thing.
struct Finding: Equatable {
    enum Severity: String {
        case ok
        /// It works, and could work better.
        case warning
        case problem
    }

    let subject: String
    let severity: Severity
    let text: String
    /// What to do about it.
    let cure: String?

    init(_ subject: String, _ severity: Severity, _ text: String, cure: String? = nil) {
        self.subject = subject
        self.severity = severity
        // Keys and line breaks in it would be somebody's slip.
        self.text = MountFailure.withoutKeys(text)
        self.cure = cure
    }

    var line: String {
        func padded(_ text: String, to width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        return "\(padded(severity.rawValue, to: 8)) \(padded(subject, to: 10)) \(text)\(cure.map { ": \($0)" } ?? "")"
    }

    var json: JSONValue {
        .members([
            "check": .string(subject), "state": .string(severity.rawValue), "text": .string(text), "cure": .text(cure),
        ])
    }
}
