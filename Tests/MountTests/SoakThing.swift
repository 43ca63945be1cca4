import Foundation

/// Something in the library of the soak test that programs look at.
enum SoakThing: Hashable, Sendable {
    /// A file of a published version, or of a draft (number 0).
    case file(SoakFile, slug: String, number: Int)
    /// The main text with the variable `who` filled in.
    case filledText(who: String, slug: String, number: Int)
    /// Where `latest` points to.
    case latest(slug: String)
    /// The main text by way of `latest`.
    case latestText(slug: String)
    /// The names of all prompts.
    case listing

    static let namespace = "soak"
    /// Of the variable `who`.
    static let values = ["Ann", "Bob"]

    var path: String {
        switch self {
        case .file(let file, let slug, let number): "@\(Self.namespace)/\(slug)/v\(number)/\(file.rawValue)"
        case .filledText(let who, let slug, let number): "@\(Self.namespace)/\(slug)/v\(number),who=\(who)/content.md"
        case .latest(let slug): "@\(Self.namespace)/\(slug)/latest"
        case .latestText(let slug): "@\(Self.namespace)/\(slug)/latest/content.md"
        case .listing: "@\(Self.namespace)"
        }
    }

    /// The file of a path that a walk tells; nil: none that has a name here.
    init?(path: some StringProtocol) {
        let match = String(path).wholeMatch(of: #/(?:\./)?@soak/([a-z0-9-]+)/v([0-9]+)/(.+)/#)
        guard let match, let number = Int(match.2), let file = SoakFile(rawValue: String(match.3)) else { return nil }
        self = .file(file, slug: String(match.1), number: number)
    }
}

/// A file of each version.
enum SoakFile: String, CaseIterable, Sendable {
    case content = "content.md"
    case system = "system.md"
    case metadata = "metadata.json"
    case variables = "variables.json"
    /// Of published versions only.
    case attachment = "context/data.bin"
}

/// What a look at something came to.
struct SoakLook: Sendable {
    enum Outcome: Sendable {
        /// Bytes from `start` on of a file that has `size` bytes.
        case bytes([UInt8], start: Int, size: Int)
        case size(Int)
        /// A file's first line.
        case heading(String)
        case target(String)
        case names(Set<String>)
        case failure(POSIXErrorCode)
    }

    let thing: SoakThing
    let outcome: Outcome
    let start: ContinuousClock.Instant
    let end: ContinuousClock.Instant
}
