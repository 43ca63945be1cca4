/// A JSON document as the server sent it: numbers keep their text, members their order.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number's text as it was sent: `1.10` and `1e3` stay what they are.
    case number(String)
    case string(String)
    /// A string that no text corresponds to, because of a lone surrogate (`"\ud800"`) or bytes that are not UTF-8.
    /// Its inner text as it was sent, escapes included, so that it can be written again; ill-formed bytes are U+FFFD.
    case invalidString(escaped: String)
    case array([JSONValue])
    /// Members in the order sent. Where a key comes twice, the last one holds (as in jq).
    case object([Member])

    package struct Member: Sendable, Hashable {
        /// Ill-formed parts are U+FFFD.
        package let key: String
        package let value: JSONValue

        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// The member's value if this is an object that has one. Keys are compared byte by byte: for JSON, unlike for
    /// `String`, a composed and a decomposed "é" are two keys.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key.isIdentical(to: key) }?.value
    }

    /// The text of a string; where that is invalid, with U+FFFD for each bad part. Nil for everything else.
    package var text: String? {
        switch self {
        case .string(let text): text
        case .invalidString(let escaped): JSONParser.repairedText(escaped: escaped)
        default: nil
        }
    }

    /// A whole number that fits 64 bits, however it is spelled (`5`, `5.0`, `5e0`).
    package var integer: Int64? {
        guard case .number(let text) = self else { return nil }
        return Int64(text) ?? DecimalNumber(text)?.exactInteger
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package var isObject: Bool {
        if case .object = self { true } else { false }
    }

    /// This object without the members named; everything else unchanged.
    package func removing(_ keys: [String]) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { member in !keys.contains { member.key.isIdentical(to: $0) } })
    }
}

extension String {
    /// Whether both have the same bytes, where `==` asks whether both look the same.
    func isIdentical(to other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let areSame = utf8.withContiguousStorageIfAvailable { bytes in
            other.utf8.withContiguousStorageIfAvailable { bytes.elementsEqual($0) }
        }
        return areSame.flatMap(\.self) ?? utf8.elementsEqual(other.utf8)
    }
}
