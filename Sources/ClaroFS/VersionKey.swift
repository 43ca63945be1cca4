import ClaroAPI

/// What one request for a prompt asks: which version, and what to put in for its placeholders.
package struct VersionKey: Hashable, Sendable, CustomStringConvertible {
    package typealias Selector = PackageName.Selector

    package struct Variable: Hashable, Sendable {
        let name: String
        let value: String
    }

    package let prompt: PromptName
    package let selector: Selector
    package let variables: [Variable]

    package init(_ prompt: PromptName, _ selector: Selector, variables: [Variable] = []) {
        self.prompt = prompt
        self.selector = selector
        self.variables = variables
    }

    package init(_ prompt: PromptName, _ version: Version, variables: [Variable] = []) {
        self.init(prompt, .version(version), variables: variables)
    }

    /// Whether its texts never change.
    var isPublished: Bool { if case .version(.published) = selector { true } else { false } }

    package var packageName: PackageName { PackageName(prompt, selector) }

    /// For messages; values of variables are the user's own and stay out.
    package var description: String {
        variables.isEmpty
            ? packageName.description : "\(packageName) with \(variables.map(\.name).joined(separator: ", "))"
    }
}

/// A name in a prompt's directory: `v2`, `latest`, or one of them with variables, `v2,company=Acme,amount=3`.
struct VersionPath: Equatable {
    let selector: VersionKey.Selector
    let variables: [VersionKey.Variable]

    /// Fails on whatever breaks the grammar, which therefore costs no request: also a variable without a name, without
    /// `=`, named twice, or with a `%` that is not followed by two hexadecimal digits.
    init?(_ name: String) {
        let parts = name.split(separator: ",", omittingEmptySubsequences: false)
        guard let selector = VersionKey.Selector(parts[0]) else { return nil }
        self.selector = selector
        var variables: [VersionKey.Variable] = []
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "="),
                let name = Self.percentDecoded(part[..<equals]), !name.isEmpty,
                let value = Self.percentDecoded(part[part.index(after: equals)...]),
                !variables.contains(where: { $0.name.utf8.elementsEqual(name.utf8) })
            else { return nil }
            variables.append(VersionKey.Variable(name: name, value: value))
        }
        self.variables = variables
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}
