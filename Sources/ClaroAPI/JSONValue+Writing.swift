extension JSONValue {
    package enum Layout: Sendable {
        /// No white space, members as they come: for request bodies.
        case compact
        /// As `jq -S .` (1.6) prints: two spaces a level, one member a line, keys sorted by their bytes, a final
        /// newline. Unlike jq's, numbers and lone surrogates stay as they were sent.
        case sorted
    }

    /// The document in UTF-8.
    package func serialized(_ layout: Layout = .sorted) -> [UInt8] {
        var writer = JSONWriter(isSorted: layout == .sorted)
        writer.write(self, depth: 0)
        if layout == .sorted { writer.bytes.append(UInt8(ascii: "\n")) }
        return writer.bytes
    }

    /// What is written of a text between its quotes.
    static func escaped(_ text: String) -> String {
        var writer = JSONWriter(isSorted: false)
        writer.writeString(text)
        return String(decoding: writer.bytes.dropFirst().dropLast(), as: UTF8.self)
    }
}

private struct JSONWriter {
    var bytes: [UInt8] = []
    let isSorted: Bool

    init(isSorted: Bool) {
        self.isSorted = isSorted
    }

    mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): writeString(text)
        case .invalidString(let escaped): writeQuoted(escaped)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                beginItem(index, depth: depth + 1)
                write(element, depth: depth + 1)
            }
            if !elements.isEmpty { breakLine(depth: depth) }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in (isSorted ? members.sortedByKey() : members).enumerated() {
                beginItem(index, depth: depth + 1)
                writeString(member.key)
                bytes.append(contentsOf: (isSorted ? ": " : ":").utf8)
                write(member.value, depth: depth + 1)
            }
            if !members.isEmpty { breakLine(depth: depth) }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private mutating func beginItem(_ index: Int, depth: Int) {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        breakLine(depth: depth)
    }

    private mutating func breakLine(depth: Int) {
        guard isSorted else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    private mutating func writeQuoted(_ escaped: String) {
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: escaped.utf8)
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func writeString(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
            case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
            case 0x08: bytes.append(contentsOf: #"\b"#.utf8)
            case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
            case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
            case 0x0C: bytes.append(contentsOf: #"\f"#.utf8)
            case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
            case 0x00..<0x20, 0x7F:
                bytes.append(contentsOf: #"\u00"#.utf8)
                bytes.append(Self.hexDigit(byte >> 4))
                bytes.append(Self.hexDigit(byte & 0xF))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

extension [JSONValue.Member] {
    /// By the bytes of their keys; of several with one key, only the last.
    fileprivate func sortedByKey() -> [JSONValue.Member] {
        let sorted = enumerated().sorted { left, right in
            if left.element.key.isIdentical(to: right.element.key) { return left.offset < right.offset }
            return left.element.key.utf8.lexicographicallyPrecedes(right.element.key.utf8)
        }
        return sorted.enumerated().filter { index, item in
            index + 1 == sorted.count || !item.element.key.isIdentical(to: sorted[index + 1].element.key)
        }.map(\.element.element)
    }
}
