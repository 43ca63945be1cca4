/// A prompt's name without its version: `@acme/customer-support`.
///
/// Both parts fit Claro's grammar, `[A-Za-z0-9_-]+`, so each is a safe path component as it stands: never `.`,
/// never `..`, never with a slash. Names are case-sensitive.
package struct PromptName: Hashable, Sendable, CustomStringConvertible {
    /// The workspace's or user's name, without the `@`.
    package let namespace: String
    /// The prompt's own name, without version.
    package let slug: String

    /// Fails where either part breaks the grammar.
    package init?(namespace: some StringProtocol, slug: some StringProtocol) {
        guard Self.fitsGrammar(namespace), Self.fitsGrammar(slug) else { return nil }
        self.namespace = String(namespace)
        self.slug = String(slug)
    }

    /// Reads what `description` writes; fails on anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].first == "@" else { return nil }
        self.init(namespace: parts[0].dropFirst(), slug: parts[1])
    }

    package var description: String { "@\(namespace)/\(slug)" }

    /// Whether `text` can be a namespace or a slug. What cannot is answered without asking the API.
    package static func fitsGrammar(_ text: some StringProtocol) -> Bool {
        (1...nameByteBound).contains(text.utf8.count) && text.utf8.allSatisfy(isNameByte)
    }

    /// NAME_MAX without the `@` before a namespace. The kernel refuses a whole directory for one name that is too long.
    private static let nameByteBound = 254

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// One version of a prompt: the draft `v0`, or a published `vN`, which never changes.
package enum Version: Hashable, Sendable, Comparable, CustomStringConvertible {
    case draft
    /// 1 to 999,999,999.
    case published(UInt32)

    /// Reads `v0` or `v[1-9][0-9]{0,8}`; fails on anything else, also on `latest`.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.first == UInt8(ascii: "v") else { return nil }
        let digits = text.utf8.dropFirst()
        guard (1...9).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard digits.first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        self.init(number: digits.reduce(0) { $0 * 10 + UInt32($1 - 0x30) })
    }

    /// Zero is the draft.
    package init(number: UInt32) {
        self = number == 0 ? .draft : .published(number)
    }

    /// Zero for the draft.
    package var number: UInt32 {
        switch self {
        case .draft: 0
        case .published(let number): number
        }
    }

    package static func < (left: Version, right: Version) -> Bool { left.number < right.number }

    package var description: String { "v\(number)" }
}

/// What a request asks for: a prompt at a version, or at whatever version is the newest published one.
package struct PackageName: Hashable, Sendable, CustomStringConvertible {
    package enum Selector: Hashable, Sendable, CustomStringConvertible {
        case latest
        case version(Version)

        /// Reads `latest` or a version; fails on anything else.
        package init?(_ text: some StringProtocol) {
            if text == "latest" {
                self = .latest
            } else if let version = Version(text) {
                self = .version(version)
            } else {
                return nil
            }
        }

        package var description: String {
            switch self {
            case .latest: "latest"
            case .version(let version): version.description
            }
        }
    }

    package let prompt: PromptName
    package let selector: Selector

    package init(_ prompt: PromptName, _ selector: Selector) {
        self.prompt = prompt
        self.selector = selector
    }

    /// Reads what `description` writes; fails on anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let prompt = PromptName(parts[0]), let selector = Selector(parts[1]) else { return nil }
        self.init(prompt, selector)
    }

    /// As Claro writes it: `@acme/customer-support:v2`, `@acme/customer-support:latest`.
    package var description: String { "\(prompt):\(selector)" }
}
