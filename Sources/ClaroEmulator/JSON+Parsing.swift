extension JSON {
    package struct ParsingError: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Reads one document (RFC 8259), at most 512 values deep.
    package static func parse(_ bytes: [UInt8]) throws(ParsingError) -> JSON {
        var parser = JSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.isAtEnd else { throw parser.error("text after the end") }
        return value
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    func error(_ what: String) -> JSON.ParsingError { .init(description: "\(what) at byte \(position)") }

    mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    mutating func value(depth: Int) throws(JSON.ParsingError) -> JSON {
        guard depth < 512 else { throw error("nested too deeply") }
        skipSpace()
        guard position < bytes.count else { throw error("unexpected end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func object(depth: Int) throws(JSON.ParsingError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        if try consume("}", orExpect: nil) { return .object([]) }
        repeat {
            skipSpace()
            let name = try string()
            guard try consume(":", orExpect: nil) else { throw error("expected ':'") }
            members.append(.init(name, try value(depth: depth + 1)))
        } while try consume(",", orExpect: "}")
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSON.ParsingError) -> JSON {
        position += 1
        var elements: [JSON] = []
        if try consume("]", orExpect: nil) { return .array([]) }
        repeat {
            elements.append(try value(depth: depth + 1))
        } while try consume(",", orExpect: "]")
        return .array(elements)
    }

    /// Consumes `wanted` and says true, else `end` (which must then stand there) and says false.
    private mutating func consume(
        _ wanted: Unicode.Scalar,
        orExpect end: Unicode.Scalar?
    ) throws(JSON.ParsingError) -> Bool {
        skipSpace()
        guard position < bytes.count else { throw error("unexpected end") }
        if bytes[position] == UInt8(ascii: wanted) {
            position += 1
            return true
        }
        guard let end else { return false }
        guard bytes[position] == UInt8(ascii: end) else { throw error("expected '\(wanted)' or '\(end)'") }
        position += 1
        return false
    }

    private mutating func word(_ word: String, _ value: JSON) throws(JSON.ParsingError) -> JSON {
        guard bytes[position...].starts(with: word.utf8) else { throw error("unknown word") }
        position += word.utf8.count
        return value
    }

    private mutating func number() throws(JSON.ParsingError) -> String {
        let start = position
        skip("-")
        let isZero = skip("0")
        guard skipDigits() > 0 ? !isZero : isZero else { throw error("not a number") }
        if skip("."), skipDigits() == 0 { throw error("not a number") }
        if skip("e") || skip("E") {
            if !skip("+") { skip("-") }
            if skipDigits() == 0 { throw error("not a number") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    @discardableResult private mutating func skip(_ wanted: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: wanted) else { return false }
        position += 1
        return true
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        return position - start
    }

    private mutating func string() throws(JSON.ParsingError) -> String {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw error("expected a string") }
        position += 1
        var units: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: units, as: UTF8.self) else { throw error("invalid UTF-8") }
                return text
            case UInt8(ascii: "\\"): try escape(into: &units)
            case 0..<0x20: throw error("control character in a string")
            default: units.append(byte)
            }
        }
        throw error("unterminated string")
    }

    private mutating func escape(into units: inout [UInt8]) throws(JSON.ParsingError) {
        guard position < bytes.count else { throw error("unterminated string") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0C)
        case UInt8(ascii: "n"): units.append(0x0A)
        case UInt8(ascii: "r"): units.append(0x0D)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "u"): units += String(Character(try unicodeEscape())).utf8
        default: throw error("unknown escape")
        }
    }

    private mutating func unicodeEscape() throws(JSON.ParsingError) -> Unicode.Scalar {
        let first = try hexQuad()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, bytes[position...].starts(with: #"\u"#.utf8) else { throw error("lone surrogate") }
        position += 2
        let second = try hexQuad()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw error("lone surrogate") }
        return scalar
    }

    private mutating func hexQuad() throws(JSON.ParsingError) -> UInt32 {
        guard bytes.count - position >= 4 else { throw error("unterminated escape") }
        let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
        guard digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(digits, radix: 16)
        else { throw error("unknown escape") }
        position += 4
        return value
    }
}
