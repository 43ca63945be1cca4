@testable import ClaroAPI

extension FuzzTarget {
    /// The placeholders of a text.
    static let placeholders = FuzzTarget(name: "placeholders", sources: ["ClaroAPI/Placeholder.swift"]) { bytes in
        let found = Placeholder.all(in: [bytes])
        let expected = bytes.placeholders
        try check(found.map(\.parts) == expected.map(\.parts), "\(found), not \(expected)")
        for placeholder in found {
            try check(placeholder.parts.allSatisfy { $0 != [] && $0?.last != 0x20 }, "a part says something")
            let written = JSONValue.array([placeholder.json]).serialized()
            try check((try? JSONValue.parse(written)) != nil, "a placeholder is JSON")
        }
    }
}

extension Placeholder {
    fileprivate var parts: [[UInt8]?] { [name, type, description].map { $0.map { Array($0.utf8) } } }
}

extension [UInt8] {
    /// The same, straightforwardly: at each pair of braces all is tried again.
    fileprivate var placeholders: [(name: String, parts: [[UInt8]?])] {
        var found: [(name: String, parts: [[UInt8]?])] = []
        var position = 0
        while position < count {
            if let (parts, end) = placeholder(at: position), let name = parts[0] {
                if !found.contains(where: { $0.name == name.text }) {
                    found.append((name.text, parts.map { $0.map { Array($0.text.utf8) } }))
                }
                position = end
            } else {
                position += 1
            }
        }
        return found
    }

    private func placeholder(at start: Int) -> (parts: [[UInt8]?], end: Int)? {
        guard self[start...].starts(with: "{{".utf8) else { return nil }
        let inner = self[(start + 2)...].prefix { $0 != UInt8(ascii: "}") }
        guard self[inner.endIndex...].starts(with: "}}".utf8) else { return nil }
        let name = inner.prefix { $0 != UInt8(ascii: ":") }
        var parts: [[UInt8]?] = [name.trimmed, nil, nil]
        if name.endIndex < inner.endIndex {
            let type = inner[(name.endIndex + 1)...].prefix { $0 != UInt8(ascii: "/") }
            parts[1] = type.trimmed
            if type.endIndex < inner.endIndex {
                guard inner[type.endIndex...].starts(with: "//".utf8) else { return nil }
                parts[2] = inner[(type.endIndex + 2)...].trimmed
            }
        }
        return parts.contains([]) ? nil : (parts, inner.endIndex + 2)
    }
}

extension ArraySlice<UInt8> {
    fileprivate var trimmed: [UInt8] {
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        let end = lastIndex { !isSpace($0) }.map { $0 + 1 } ?? startIndex
        return Array(self[..<end].drop(while: isSpace))
    }
}
