/// A package name as a request gives it: `@namespace/slug`, `@namespace/slug:version`.
struct PackageReference: Hashable, Sendable {
    enum Version: Hashable, Sendable {
        case latest
        case draft
        case published(Int)
        /// Well-formed for the name's grammar, but nothing that exists.
        case unknown
    }

    let namespace: String
    let slug: String
    let version: Version

    /// nil where the grammar forbids the name. A name without a version means the newest published one.
    init?(_ text: String) {
        guard text.first == "@" else { return nil }
        let parts = text.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ending = parts[1].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard Self.isName(parts[0]), Self.isName(ending[0]), ending.last != "" else { return nil }
        namespace = String(parts[0])
        slug = String(ending[0])
        version = ending.count == 2 ? Self.version(String(ending[1])) : .latest
    }

    /// Whether a namespace or a slug may be called so.
    static func isName(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    private static func version(_ text: String) -> Version {
        if text == "latest" { return .latest }
        guard let number = VersionDirectory.number(of: text) else { return .unknown }
        return number == 0 ? .draft : .published(number)
    }
}
