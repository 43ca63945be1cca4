/// What the listing tells of a prompt.
package struct PromptSummary: Sendable, Hashable {
    package let name: PromptName
    /// The newest published version that the listing names, or `.draft` if the draft is all it names; nil where it
    /// names no version.
    package var version: Version?
    /// Whether the listing names a `v0`.
    package var isDraftKnown: Bool
    package var createdAt: Timestamp?

    package init(name: PromptName, version: Version?, isDraftKnown: Bool = false, createdAt: Timestamp? = nil) {
        self.name = name
        self.version = version
        self.isDraftKnown = isDraftKnown || version == .draft
        self.createdAt = createdAt
    }

    /// Reads an item of a listing; nil if it has no valid name.
    ///
    /// `packageName` is either the bare slug or a full `@namespace/slug:vN`; its version, if any, is believed where
    /// there is no other. A missing version is unknown, never the draft.
    /// Takes long namespaces' texts from `namespaces`, or adds them, so that one copy serves a whole listing.
    init?(_ item: JSONValue, namespaces: inout [String: String]) {
        guard let packageName = item["packageName"]?.text else { return nil }
        let parts = PackageNameParts(packageName)
        let candidates = [item["workspaceSlug"]?.text, parts.namespace.map(String.init)]
        guard let namespace = candidates.lazy.compactMap(\.self).first(where: { PromptName.fitsGrammar($0) }) else {
            return nil
        }
        let shared = namespaces[namespace] ?? namespace
        if shared.utf8.count > 15 { namespaces[namespace] = shared }
        guard let name = PromptName(namespace: shared, slug: parts.slug) else { return nil }
        self.init(
            name: name,
            version: Version(apiValue: item["version"]) ?? parts.version.flatMap { Version($0) },
            isDraftKnown: item["is_draft"]?.bool ?? item["isDraft"]?.bool ?? false,
            createdAt: (item["metadata"]?["createdAt"] ?? item["createdAt"]).flatMap(Timestamp.init)
        )
    }

    /// Adds what another item tells of the same prompt: of two versions the higher one, of two times that of it.
    mutating func merge(_ other: PromptSummary) {
        isDraftKnown = isDraftKnown || other.isDraftKnown
        guard let otherVersion = other.version, version.map({ $0 < otherVersion }) ?? true else { return }
        version = otherVersion
        createdAt = other.createdAt ?? createdAt
    }
}

/// The account's prompts, complete.
package struct PromptListing: Sendable {
    /// One of each name, in the server's order.
    package let prompts: [PromptSummary]
    /// How many requests it took, without repeated ones.
    package let pageCount: Int

    package init(prompts: [PromptSummary], pageCount: Int) {
        self.prompts = prompts
        self.pageCount = pageCount
    }
}

/// `@namespace/slug:version` taken apart, where all but the slug may be missing; the parts are not checked.
private struct PackageNameParts {
    var namespace: Substring?
    var slug: Substring
    var version: Substring?

    init(_ text: String) {
        slug = text[...]
        if let colon = slug.utf8.firstIndex(of: UInt8(ascii: ":")) {
            version = slug[slug.utf8.index(after: colon)...]
            slug = slug[..<colon]
        }
        if slug.utf8.first == UInt8(ascii: "@") { slug.removeFirst() }
        if let slash = slug.utf8.firstIndex(of: UInt8(ascii: "/")) {
            namespace = slug[..<slash]
            slug = slug[slug.utf8.index(after: slash)...]
        }
    }
}
