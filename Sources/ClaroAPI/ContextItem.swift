/// Something attached to a prompt: a file that can be downloaded, or the address of a page.
package struct ContextItem: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// `byteCount` is nil where the API does not tell a plausible size: absent, negative, above `sizeBound`. Zero
        /// is not either: nobody reads an empty file, so were it wrong, nothing would ever show that.
        case file(fileName: String?, byteCount: Int64?, mimeType: String?)
        case url(String)
    }

    package let id: String
    package let kind: Kind
    package let label: String?
    package let createdAt: Timestamp?
    /// When Claro last read the page.
    package let urlFetchedAt: Timestamp?

    /// 1 TiB. Nobody attaches such a file to a prompt; readers that trust sizes reserve memory or disk for them.
    package static let sizeBound: Int64 = 1 << 40

    /// Whether a file can have this size.
    static func isPlausible(_ byteCount: Int64) -> Bool { (0...sizeBound).contains(byteCount) }

    /// More than a directory of attachments can use, few enough to name them all.
    package static let countBound = 10_000

    /// The usable items of a prompt's `context`, in its order. What is no array, has no id or is of an unknown kind is
    /// left out; a second item with an id that was seen is, too.
    static func items(in value: JSONValue?) -> [ContextItem] {
        var ids: Set<String> = []
        return (value?.elements ?? []).prefix(countBound).compactMap(ContextItem.init).filter { item in
            ids.insert(item.id).inserted
        }
    }

    private init?(_ item: JSONValue) {
        guard let id = item["id"]?.text ?? item["id"]?.integer.map({ "\($0)" }),
            (1...Self.idBound).contains(id.utf8.count)
        else { return nil }
        guard let kind = Self.kind(of: item) else { return nil }
        self.id = id
        self.kind = kind
        label = item["label"]?.text
        createdAt = item["createdAt"].flatMap(Timestamp.init)
        urlFetchedAt = item["urlFetchedAt"].flatMap(Timestamp.init)
    }

    /// An item without a type is what its fields make it.
    private static func kind(of item: JSONValue) -> Kind? {
        let url = item["url"]?.text
        switch item["type"]?.text ?? (url == nil ? "file" : "url") {
        case "url":
            return url.map(Kind.url)
        case "file":
            let isNamed = item["type"] != nil || item["fileName"] != nil
            let byteCount = item["fileSize"]?.integer.flatMap { (1...sizeBound).contains($0) ? $0 : nil }
            let file = Kind.file(
                fileName: item["fileName"]?.text,
                byteCount: byteCount,
                mimeType: item["mimeType"]?.text
            )
            return isNamed ? file : nil
        default:
            return nil
        }
    }

    /// Ids go into URLs; those of the API have some 20 bytes.
    private static let idBound = 1024
}
