import Foundation

/// The file names under which a mounted library shows a version's context items, in the items' order.
struct AttachmentNames {
    private var taken: Set<String> = []

    /// nil for an item that has no file: of an unknown kind, or not an object.
    mutating func name(of item: JSON) -> String? {
        guard let wanted = Self.wantedName(of: item) else { return nil }
        var name = Self.safe(wanted.stem, extension: wanted.extension)
        if taken.contains(name) {
            let (stem, fileExtension) = Self.split(name)
            name = Self.safe("\(stem)~\(item["id"]?.string ?? "")", extension: fileExtension)
        }
        taken.insert(name)
        return name
    }

    private static func wantedName(of item: JSON) -> (stem: String, extension: String)? {
        let url = item["url"]?.string
        switch item["type"]?.string ?? (url == nil ? "" : "url") {
        case "file":
            let name = item["fileName"]?.string ?? ""
            return split(safe(name, extension: ""))
        case "url":
            guard let url else { return nil }
            let label = item["label"]?.string ?? ""
            let stem = label.isEmpty ? URL(string: url)?.host() ?? "" : label
            let isWeb = url.lowercased().hasPrefix("http://") || url.lowercased().hasPrefix("https://")
            return (safe(stem, extension: ""), isWeb ? ".url" : ".txt")
        default: return nil
        }
    }

    /// `report.tar.gz` is `report.tar` and `.gz`; a leading dot begins no extension.
    private static func split(_ name: String) -> (stem: String, extension: String) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
        return (String(name[..<dot]), String(name[dot...]))
    }

    /// A file name of at most 255 bytes without `/`, controls and bidirectional overrides.
    private static func safe(_ stem: String, extension fileExtension: String) -> String {
        var name = String(String.UnicodeScalarView((stem + fileExtension).unicodeScalars.map(safe)))
        if ["", ".", ".."].contains(name) { name = "unnamed" }
        guard name.utf8.count > 255 else { return name }
        let parts = split(name)
        var cut = parts.stem
        while cut.utf8.count + parts.extension.utf8.count > 255, !cut.isEmpty { cut.removeLast() }
        return cut + parts.extension
    }

    private static func safe(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x2F, 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: "_"
        default: scalar
        }
    }
}
