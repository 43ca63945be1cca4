import FUSE

@testable import ClaroAPI
@testable import ClaroFS

extension FuzzTarget {
    /// A page of the listing: names, versions, the cursor.
    static let listing = FuzzTarget(
        name: "listing",
        sources: ["ClaroAPI/PromptSummary.swift", "ClaroAPI/PackageName.swift"]
    ) { bytes in
        guard let page = try? JSONValue.parse(bytes) else { return }
        if let cursor = ClaroClient.nextCursor(page) {
            try check(!cursor.isEmpty, "a cursor says something")
            try check(cursor.percentEncoded.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a cursor fits a URL")
        }
        let items = page["prompts"]?.elements ?? []
        var listing = ListingBuilder()
        listing.append(items)
        let once = listing.prompts
        listing.append(items)
        try check(listing.prompts == once, "a page that comes again tells nothing new")
        try check(once.count + listing.skippedCount / 2 <= items.count, "no prompt without an item")
        try check(Set(once.map(\.name)).count == once.count, "one prompt of each name")
        try checkMerged(once, items)
        for text in items.compactMap({ $0["packageName"]?.text }) {
            guard let name = PackageName(text) else { continue }
            try check(name.description == text, "a name is spelled in one way")
        }
        for prompt in once {
            try checkShown([FileName("@" + prompt.name.namespace), FileName(prompt.name.slug)])
            try check(IncludePattern("\(prompt.name)")?.includes(prompt.name) == true, "a name is its own pattern")
            try check(prompt.version != .draft || prompt.isDraftKnown, "a draft that is listed is known")
            let latest = PackageName(prompt.name, .latest)
            try check(PackageName(latest.description) == latest, "a name reads as it is written")
            guard let version = prompt.version else { continue }
            try check(version >= .draft, "no version is before the draft")
            try check(Version(version.description) == version, "a version reads as it is written")
            let name = PackageName(prompt.name, .version(version))
            try check(PackageName(name.description) == name, "a name reads as it is written")
        }
    }

    /// Requires that what several items tell of a prompt is put together.
    private static func checkMerged(_ prompts: [PromptSummary], _ items: [JSONValue]) throws {
        let told = items.compactMap { item in
            var listing = ListingBuilder()
            listing.append([item])
            return listing.prompts.first
        }
        for prompt in prompts {
            let told = told.filter { $0.name == prompt.name }
            try check(prompt.isDraftKnown == told.contains(where: \.isDraftKnown), "a draft is known from one item")
            try check(prompt.version == told.compactMap(\.version).max(), "the highest version holds")
        }
    }
}

/// Requires that these can be the names of one directory.
func checkShown(_ names: [FileName]) throws {
    try check(Set(names).count == names.count, "no two names are alike")
    for name in names {
        try check((1...255).contains(name.bytes.count), "a name has 1 to 255 bytes")
        try check(!name.bytes.contains(0) && !name.bytes.contains(UInt8(ascii: "/")), "a name has no slash, no NUL")
        try check(name != "." && name != "..", "no name is . or ..")
        try check(name.text != nil, "a name is UTF-8")
    }
}
