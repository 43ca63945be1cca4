import Glibc

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
        // None has a closing brace inside, so each ends at the next pair of them.
        while let end = rest.first(UInt8(ascii: "}")) {
            let isPair = end + 1 < rest.endIndex && rest[end + 1] == UInt8(ascii: "}")
            if isPair, let placeholder = Placeholder(endOf: rest[..<end]) {
                placeholders.append(placeholder)
                rest = rest[(end + 2)...]
            } else {
                rest = rest[(end + 1)...]
            }
        }
        return placeholders
    }

    /// Reads a text that ends where a placeholder may, without its closing braces, from the first opening ones on that
    /// begin one.
    ///
    /// Between two colons these are the first, so that nothing is read twice, however many braces there are.
    private init?(endOf text: ArraySlice<UInt8>) {
        // Most of a text has no braces at all.
        guard let text = text.endOfOpeningBraces.map({ text[($0 - 2)...] }) else { return nil }
        var found: (name: ArraySlice<UInt8>, slash: Int)?
        // Behind the piece that is looked at, from the last to the first: where a type would end, and if that is good.
        var slash = text.endIndex
        var isGoodSlash = true
        for piece in text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).reversed() {
            let isTyped = piece.endIndex < text.endIndex
            let isGoodEnd = isGoodSlash && !text[piece.endIndex..<slash].dropFirst().isBlank
            if isGoodEnd || !isTyped, let start = piece.endOfOpeningBraces {
                let name = piece[start...]
                if !name.isBlank { found = (name, slash) }
            }
            guard let first = piece.firstIndex(of: UInt8(ascii: "/")) else { continue }
            slash = first
            isGoodSlash = text[slash...].starts(with: "//".utf8) && !text[slash...].dropFirst(2).isBlank
        }
        guard let (name, slash) = found else { return nil }
        let isTyped = name.endIndex < text.endIndex
        self.name = name.trimmedText
        type = isTyped ? text[name.endIndex..<slash].dropFirst().trimmedText : nil
        description = isTyped && slash < text.endIndex ? text[slash...].dropFirst(2).trimmedText : nil
    }

    /// What `variables.json` has of it: only what is known.
    package var json: JSONValue {
        var members = [JSONValue.Member(key: "name", value: .string(name))]
        if let type { members.append(JSONValue.Member(key: "type", value: .string(type))) }
        if let description { members.append(JSONValue.Member(key: "description", value: .string(description))) }
        return .object(members)
    }
}

extension ArraySlice<UInt8> {
    /// Behind the first two opening braces in a row. `firstRange(of:)` takes many times as long as all else that is done
    /// for a version.
    fileprivate var endOfOpeningBraces: Int? {
        var rest = self
        while let brace = rest.first(UInt8(ascii: "{")) {
            rest = rest[(brace + 1)...]
            if rest.first == UInt8(ascii: "{") { return brace + 2 }
        }
        return nil
    }

    /// As `firstIndex(of:)`, by memchr: texts are long, and few of their bytes are braces.
    fileprivate func first(_ byte: UInt8) -> Int? {
        withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, let found = memchr(start, Int32(byte), bytes.count) else { return nil }
            return startIndex + (UnsafeRawPointer(found) - start)
        }
    }

    fileprivate var isBlank: Bool { allSatisfy(Self.isSpace) }

    /// Without the white space around it.
    fileprivate var trimmedText: String {
        let end = lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? startIndex
        return String(decoding: self[..<end].drop(while: Self.isSpace), as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
