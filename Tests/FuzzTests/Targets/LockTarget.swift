@testable import ClaroAPI
@testable import ClaroFS

extension FuzzTarget {
    private static let body = Prompt(
        metadata: Array("{}".utf8),
        content: Array("text".utf8),
        systemPrompt: nil,
        critiquePrompt: nil,
        etag: nil
    ).map { VersionBody($0, previous: nil, isPublished: true, fallbackTime: Timestamp(seconds: 1)) }

    /// A lock file.
    static let lock = FuzzTarget(name: "lock", sources: ["ClaroFS/LockFile.swift"]) { bytes in
        let file: LockFile
        do throws(LockFile.Problem) {
            file = try LockFile(parsing: bytes)
        } catch {
            return try check(!error.description.isEmpty, "an error says something")
        }
        try check(try LockFile(parsing: file.serialized) == file, "a lock file reads as it is written")
        let listing = file.listing.prompts
        try check(listing.count == file.entries.count, "it is a listing of what it has")
        for (name, entry) in file.entries {
            let isHash = entry.hash.utf8.count == 64 && entry.hash.utf8.allSatisfy(("0123456789abcdef".utf8).contains)
            try check(isHash, "a hash is 64 digits")
            try check(entry.version > 0, "no draft is locked")
            try check(file.allows(VersionKey(name, .latest)), "what is locked is allowed")
            try check(file.allows(VersionKey(name, .published(entry.version))), "by its number, too")
            try check(!file.allows(VersionKey(name, .draft)), "and no draft")
            guard let body else { continue }
            let isAccepted = file.accepts(body, as: VersionKey(name, .published(entry.version)))
            try check(isAccepted == (entry.hash == body.textsHash), "what is accepted has the hash")
            try check(!file.accepts(body, as: VersionKey(name, .latest)), "and a number")
        }
    }
}
