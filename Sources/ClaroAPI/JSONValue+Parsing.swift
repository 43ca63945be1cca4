/// Why bytes were refused as JSON. Carries no content.
package enum JSONError: Error, Hashable, CustomStringConvertible {
    /// The grammar was broken `offset` bytes into the document.
    case syntax(offset: Int)
    case tooDeep
    case tooManyValues

    package var description: String {
        switch self {
        case .syntax(let offset): "not JSON at byte \(offset)"
        case .tooDeep: "JSON nested too deeply"
        case .tooManyValues: "JSON with too many values"
        }
    }
}

/// What a document may ask of this process. Its size in bytes is bounded where it is received.
package struct JSONLimits: Sendable {
    /// Nested arrays and objects. The API's own documents have 4; each level costs stack.
    package var depth = 64
    /// Values and members altogether. A page of 100 prompts has some 2,000; a value takes up to 64 bytes in memory,
    /// but two in a document (`0,`), so that the size alone would allow gigabytes.
    package var valueCount = 500_000

    package init() {}
}

extension JSONValue {
    /// Reads one document in UTF-8, which may begin with a byte order mark.
    ///
    /// - Throws: `JSONError` if it is no JSON, or exceeds `limits`.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
        let result: Result<JSONValue, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(bytes: buffer, limits: limits)
            do throws(JSONError) {
                return .success(try parser.parseDocument())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// A recursive-descent reader over borrowed bytes; it lives no longer than the call that lends them.
struct JSONParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let limits: JSONLimits
    private var position = 0
    private var valueCount = 0
    /// The unescaped form of the string being read; kept for its capacity.
    private var scratch: [UInt8] = []

    init(bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        let value = try parseValue(depth: 0)
        skipWhitespace()
        guard position == bytes.count else { throw syntaxError }
        return value
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        valueCount += 1
        guard valueCount <= limits.valueCount else { throw .tooManyValues }
        skipWhitespace()
        switch peek {
        case UInt8(ascii: "\""): return try parseString()
        case UInt8(ascii: "{"): return try parseObject(depth: depth + 1)
        case UInt8(ascii: "["): return try parseArray(depth: depth + 1)
        case UInt8(ascii: "t"): return try parseLiteral("true", .bool(true))
        case UInt8(ascii: "f"): return try parseLiteral("false", .bool(false))
        case UInt8(ascii: "n"): return try parseLiteral("null", .null)
        default: return try parseNumber()
        }
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= limits.depth else { throw .tooDeep }
        position += 1
        var members: [JSONValue.Member] = []
        skipWhitespace()
        if skip(UInt8(ascii: "}")) { return .object(members) }
        members.reserveCapacity(8)
        repeat {
            skipWhitespace()
            guard peek == UInt8(ascii: "\"") else { throw syntaxError }
            let key = try parseString().text ?? ""
            skipWhitespace()
            guard skip(UInt8(ascii: ":")) else { throw syntaxError }
            members.append(JSONValue.Member(key: key, value: try parseValue(depth: depth)))
            skipWhitespace()
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw syntaxError }
        return .object(members)
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= limits.depth else { throw .tooDeep }
        position += 1
        var elements: [JSONValue] = []
        skipWhitespace()
        if skip(UInt8(ascii: "]")) { return .array(elements) }
        repeat {
            elements.append(try parseValue(depth: depth))
            skipWhitespace()
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw syntaxError }
        return .array(elements)
    }

    private mutating func parseLiteral(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let end = position + text.utf8CodeUnitCount
        guard end <= bytes.count else { throw syntaxError }
        for index in 0..<text.utf8CodeUnitCount where bytes[position + index] != text.utf8Start[index] {
            throw syntaxError
        }
        position = end
        return value
    }

    private mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = position
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) { try skipDigits() }
        if skip(UInt8(ascii: ".")) { try skipDigits() }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            if !skip(UInt8(ascii: "-")) { _ = skip(UInt8(ascii: "+")) }
            try skipDigits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
        guard position > start else { throw syntaxError }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private var syntaxError: JSONError { .syntax(offset: position) }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipWhitespace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }
}

// MARK: - Strings

extension JSONParser {
    /// Reads from the opening quote to behind the closing one.
    private mutating func parseString() throws(JSONError) -> JSONValue {
        position += 1
        let start = position
        var isASCII = try skipPlainBytes()
        if peek == UInt8(ascii: "\"") {
            let text = UnsafeBufferPointer(rebasing: bytes[start..<position])
            position += 1
            return Self.makeString(text, isASCII: isASCII)
        }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<position]))
        var isWellFormed = true
        while peek == UInt8(ascii: "\\") {
            position += 1
            isWellFormed = try appendEscape() && isWellFormed
            let plainStart = position
            isASCII = try skipPlainBytes() && isASCII
            scratch.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[plainStart..<position]))
        }
        position += 1
        guard isWellFormed else {
            // Behind the closing quote.
            return .invalidString(escaped: String(decoding: bytes[start..<position - 1], as: UTF8.self))
        }
        // What escapes stand for is well-formed, so plain ASCII around them needs no second look.
        return scratch.withUnsafeBufferPointer { Self.makeString($0, isASCII: isASCII) }
    }

    /// Advances to the next quote or backslash and tells whether all bytes up to there are ASCII. A control character
    /// must be escaped, and an end ends no string.
    private mutating func skipPlainBytes() throws(JSONError) -> Bool {
        var allBits: UInt8 = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return allBits < 0x80 }
            guard byte >= 0x20 else { throw syntaxError }
            allBits |= byte
            position += 1
        }
        throw syntaxError
    }

    /// The value of a string with these bytes. Where they are known to be UTF-8, decoding is several times faster than
    /// validating; where they are not, what is written of it reads as text, and has to be spelled as text is.
    private static func makeString(_ utf8: UnsafeBufferPointer<UInt8>, isASCII: Bool) -> JSONValue {
        guard !isASCII else { return .string(String(decoding: utf8, as: UTF8.self)) }
        if let text = String(validating: utf8, as: UTF8.self) { return .string(text) }
        return .invalidString(escaped: JSONValue.escaped(String(decoding: utf8, as: UTF8.self)))
    }

    /// Appends what the escape behind a backslash stands for; false if it is half a surrogate pair (then U+FFFD).
    private mutating func appendEscape() throws(JSONError) -> Bool {
        guard let byte = peek else { throw syntaxError }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(byte)
        case UInt8(ascii: "n"): scratch.append(0x0A)
        case UInt8(ascii: "t"): scratch.append(0x09)
        case UInt8(ascii: "r"): scratch.append(0x0D)
        case UInt8(ascii: "b"): scratch.append(0x08)
        case UInt8(ascii: "f"): scratch.append(0x0C)
        case UInt8(ascii: "u"): return try appendUnicodeEscape()
        default:
            position -= 1
            throw syntaxError
        }
        return true
    }

    private mutating func appendUnicodeEscape() throws(JSONError) -> Bool {
        let unit = try parseCodeUnit()
        if let scalar = Unicode.Scalar(unit) {
            append(scalar)
            return true
        }
        let afterUnit = position
        if unit < 0xDC00, skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) {
            let second = try parseCodeUnit()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
            {
                append(scalar)
                return true
            }
        }
        position = afterUnit
        append("\u{FFFD}")
        return false
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        scratch.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrapped)
    }

    /// Four hexadecimal digits.
    private mutating func parseCodeUnit() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw syntaxError }
        var unit: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[position]
            let digit: UInt8 =
                switch byte {
                case 0x30...0x39: byte - 0x30
                case 0x41...0x46: byte - 0x41 + 10
                case 0x61...0x66: byte - 0x61 + 10
                default: throw syntaxError
                }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }

    /// What an invalid string says, with U+FFFD for what says nothing.
    static func repairedText(escaped: String) -> String {
        let quoted = [UInt8(ascii: "\"")] + Array(escaped.utf8) + [UInt8(ascii: "\"")]
        return quoted.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(bytes: buffer, limits: JSONLimits())
            guard case .string(let text)? = try? parser.parseString() else {
                return String(decoding: parser.scratch, as: UTF8.self)
            }
            return text
        }
    }
}
