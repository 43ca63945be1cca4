import ClaroAPI
import FUSE

/// Names of context items as files: people wrote them, so anything may be in them.
enum AttachmentName {
    /// NAME_MAX, in bytes.
    static let byteBound = 255

    /// A name for each item, in order, no two alike: of two items with one name the later becomes `stem~<id>.ext`.
    static func names(of items: [ContextItem]) -> [FileName] {
        var taken: Set<FileName> = []
        /// How many items have the same name with its id: two ids may become one by what was replaced or cut.
        var counts: [FileName: Int] = [:]
        return items.map { item in
            let wanted = wantedName(of: item)
            var name = fitted(wanted)
            if taken.insert(name).inserted { return name }
            let marker = "~" + cut(sanitized(item.id), to: idByteBound)
            let marked = fitted(wanted, marker: marker)
            name = marked
            while !taken.insert(name).inserted {
                counts[marked, default: 1] += 1
                name = fitted(wanted, marker: "\(marker)~\(counts[marked, default: 1])")
            }
            return name
        }
    }

    /// What a name has room for beside it; the API's ids have some 20 bytes.
    private static let idByteBound = 64

    /// Whether an address becomes an Internet Shortcut, which programs may open by themselves. Others stay text.
    static func isWebAddress(_ url: String) -> Bool {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        return (scheme == "http" || scheme == "https") && url.dropFirst(scheme.count).hasPrefix("://")
    }

    private static func wantedName(of item: ContextItem) -> String {
        switch item.kind {
        case .file(let fileName, _, _): return sanitized(fileName ?? item.label ?? "")
        case .url(let url):
            let label = item.label ?? ""
            return sanitized(label.isEmpty ? host(of: url) : label) + (isWebAddress(url) ? ".url" : ".txt")
        }
    }

    private static func host(of url: String) -> String {
        guard let separator = url.firstRange(of: "://") else { return "" }
        let authority = url[separator.upperBound...].prefix { !"/?#".contains($0) }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        guard host.first == "[" else { return String(host.prefix { $0 != ":" }) }
        return String(host.prefix { $0 != "]" }) + "]"
    }

    /// Replaces what cannot or should not be in a file name, scalar by scalar; never empty, `.` or `..`.
    private static func sanitized(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(isForbidden(scalar) ? "_" : scalar)
        }
        let name = String(result)
        return name.isEmpty || name == "." || name == ".." ? "unnamed" : name
    }

    /// `/`, NUL and other control characters, and the characters that make a terminal show text in another order
    /// ("invoice‮fdp.exe").
    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2F, 0x00...0x1F, 0x7F...0x9F: true
        // ALM, LRM, RLM, line and paragraph separator, LRE to RLO, LRI to PDI.
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// `name` with `marker` before its extension, cut in the stem at a character boundary where it is too long.
    private static func fitted(_ name: String, marker: String = "") -> FileName {
        var (stem, ending) = split(name)
        // An "extension" that leaves no room for the rest is none.
        if ending.utf8.count + marker.utf8.count >= byteBound {
            stem += ending
            ending = ""
        }
        let room = byteBound - ending.utf8.count - marker.utf8.count
        return FileName(cut(stem, to: room) + marker + ending)
    }

    /// `report.tar` and `.gz`; a leading dot begins no extension.
    private static func split(_ name: String) -> (stem: String, ending: String) {
        guard let dot = name.unicodeScalars.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
        return (String(name[..<dot]), String(name[dot...]))
    }

    /// At most `byteCount` bytes, in whole characters; if not even one fits, in whole scalars.
    private static func cut(_ text: String, to byteCount: Int) -> String {
        guard text.utf8.count > byteCount else { return text }
        var result = ""
        var used = 0
        for character in text {
            used += character.utf8.count
            guard used <= byteCount else { break }
            result.append(character)
        }
        guard result.isEmpty else { return result }
        var scalars = String.UnicodeScalarView()
        used = 0
        for scalar in text.unicodeScalars {
            used += String(scalar).utf8.count
            guard used <= byteCount else { break }
            scalars.append(scalar)
        }
        return String(scalars)
    }
}
