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
        guard let match = text.wholeMatch(of: /@([A-Za-z0-9_-]+)\/([A-Za-z0-9_-]+)(?::(?s:(.+)))?/) else { return nil }
        namespace = String(match.1)
        slug = String(match.2)
        version = match.3.map { Self.version(String($0)) } ?? .latest
    }

    private static func version(_ text: String) -> Version {
        if text == "latest" { return .latest }
        if text == "v0" { return .draft }
        guard text.first == "v", text.dropFirst().first != "0", let number = Int(text.dropFirst()), number > 0,
            !text.contains("+")
        else { return .unknown }
        return .published(number)
    }
}
