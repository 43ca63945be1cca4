/// A place in a text that is to be filled in: `{{name}}`, `{{name:type}}`, or `{{name:type // description}}`.
package struct Placeholder: Hashable, Sendable {
    package let name: String
    /// Nil where the text does not say.
    package let type: String?
    package let description: String?

    /// The placeholders of several texts, in the order in which names first come; of one name the first holds.
    package static func all(in texts: [[UInt8]]) -> [Placeholder] {
        var names: Set<String> = []
        return texts.flatMap(all).filter { names.insert($0.name).inserted }
    }

    /// As the official SDK finds them: a name is anything but `}` and `:`, a type anything but `}` and `/`, a description
    /// anything but `}`.
    private static func all(in text: [UInt8]) -> [Placeholder] {
        var placeholders: [Placeholder] = []
        var rest = text[...]
        while let brace = rest.firstIndex(of: UInt8(ascii: "{")) {
            rest = rest[brace...].dropFirst()
            guard rest.first == UInt8(ascii: "{") else { continue }
            var inner = rest.dropFirst()
            guard let placeholder = Placeholder(taking: &inner) else { continue }
            placeholders.append(placeholder)
            rest = inner
        }
        return placeholders
    }

    /// Reads what stands behind the opening braces, with the closing ones; `rest` is then what follows.
    private init?(taking rest: inout ArraySlice<UInt8>) {
        guard let name = Self.take(from: &rest, upTo: UInt8(ascii: ":")) else { return nil }
        var type: String?
        if rest.first == UInt8(ascii: ":") {
            rest.removeFirst()
            type = Self.take(from: &rest, upTo: UInt8(ascii: "/"))
            guard type != nil else { return nil }
        }
        var description: String?
        if rest.starts(with: "//".utf8) {
            rest.removeFirst(2)
            description = Self.take(from: &rest, upTo: nil)
            guard description != nil else { return nil }
        }
        guard rest.starts(with: "}}".utf8) else { return nil }
        rest.removeFirst(2)
        self.name = name
        self.type = type
        self.description = description
    }

    /// One or more bytes up to a brace or `end`, without white space around; nil: there are none.
    private static func take(from rest: inout ArraySlice<UInt8>, upTo end: UInt8?) -> String? {
        let taken = rest.prefix { byte in byte != UInt8(ascii: "}") && byte != end }
        rest = rest[taken.endIndex...]
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = taken.firstIndex(where: { !isSpace($0) }),
            let last = taken.lastIndex(where: { !isSpace($0) })
        else { return nil }
        return String(decoding: taken[first...last], as: UTF8.self)
    }

    /// What `variables.json` has of it: only what is known.
    package var json: JSONValue {
        var members = [JSONValue.Member(key: "name", value: .string(name))]
        if let type { members.append(JSONValue.Member(key: "type", value: .string(type))) }
        if let description { members.append(JSONValue.Member(key: "description", value: .string(description))) }
        return .object(members)
    }
}
