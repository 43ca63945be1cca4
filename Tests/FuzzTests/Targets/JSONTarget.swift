@testable import ClaroAPI

extension FuzzTarget {
    /// The JSON of every answer.
    static let json = FuzzTarget(
        name: "json",
        sources: [
            "ClaroAPI/JSONValue.swift", "ClaroAPI/JSONValue+Parsing.swift", "ClaroAPI/JSONValue+Writing.swift",
        ]
    ) { bytes in
        // Small enough to be exceeded by small inputs.
        var limits = JSONLimits()
        limits.depth = 8
        limits.valueCount = 64
        guard let value = try? JSONValue.parse(bytes, limits: limits) else { return }
        try check(value.depth <= limits.depth, "no deeper than allowed")
        try check(value.valueCount <= limits.valueCount, "no more values than allowed")

        let compact = value.serialized(.compact)
        let again = try JSONValue.parse(compact, limits: limits)
        try check(again.serialized(.compact) == compact, "what was written is written alike")
        let sorted = value.serialized()
        try check(try JSONValue.parse(sorted, limits: limits).serialized() == sorted, "sorting twice changes nothing")
        try check(String(validating: sorted, as: UTF8.self) != nil, "what is written is UTF-8")
        try value.checkParts()
    }
}

extension JSONValue {
    fileprivate var children: [JSONValue] {
        switch self {
        case .array(let elements): elements
        case .object(let members): members.map(\.value)
        default: []
        }
    }

    fileprivate var depth: Int {
        switch self {
        case .array, .object: 1 + (children.map(\.depth).max() ?? 0)
        default: 0
        }
    }

    fileprivate var valueCount: Int { children.reduce(1) { $0 + $1.valueCount } }

    fileprivate func checkParts() throws {
        switch self {
        case .string(let text): try check(self.text == text, "a string's text is its text")
        case .invalidString:
            try check(text?.unicodeScalars.contains("\u{FFFD}") == true, "what is ill-formed is marked")
        case .number(let text):
            if let integer = Int64(text) { try check(self.integer == integer, "an integer is what it says") }
            if let integer, integer.magnitude < 1 << 53 {
                try check(Double(text) == Double(integer), "\(text) is not \(integer)")
            }
        case .bool(let value): try check(bool == value, "a bool is a bool")
        case .array(let elements): try check(self.elements?.count == elements.count, "an array has its elements")
        case .object(let members):
            for member in members {
                let last = members.last { Array($0.key.utf8) == Array(member.key.utf8) }?.value
                try check(self[member.key]?.serialized() == last?.serialized(), "of two members the last holds")
                try check(removing([member.key])[member.key] == nil, "a member that is removed is gone")
            }
        case .null: break
        }
        for child in children { try child.checkParts() }
    }
}
