import FUSE

@testable import ClaroAPI
@testable import ClaroFS

extension FuzzTarget {
    /// The `context` of a version: ids, names, sizes, addresses.
    static let attachments = FuzzTarget(
        name: "attachments",
        sources: ["ClaroAPI/ContextItem.swift", "ClaroFS/AttachmentName.swift"]
    ) { bytes in
        guard let context = try? JSONValue.parse(bytes) else { return }
        let items = ContextItem.items(in: context)
        let names = AttachmentName.names(of: items)
        try check(names.count == items.count, "each item has a name")
        try checkShown(names)
        try check(Set(items.map(\.id)).count == items.count, "no two items have one id")
        for (item, name) in zip(items, names) {
            try check((1...1024).contains(item.id.utf8.count), "an id fits a URL")
            let scalars = name.text?.unicodeScalars.map(\.properties) ?? []
            try check(!scalars.contains { $0.generalCategory == .control }, "no name has control characters")
            try check(!scalars.contains(where: \.isBidiControl), "no name changes the direction of writing")
            switch item.kind {
            case .file(_, let byteCount, _):
                try check((1...ContextItem.sizeBound).contains(byteCount ?? 1), "a size is plausible or unknown")
            case .url(let url):
                let ending = AttachmentName.isWebAddress(url) ? ".url" : ".txt"
                let isMarked = name.description.contains("~")
                try check(isMarked || name.description.hasSuffix(ending), "what opens by itself is a web address")
            }
        }
    }
}
