/// The options of `-o`, by the names that people write.
///
/// The parser and the help both go over all cases, so no option can be accepted without being explained.
package enum MountOption: String, CaseIterable, Sendable {
    case ttl
    case draftTTL = "draft_ttl"
    case negativeTTL = "negative_ttl"
    case metadataTTL = "metadata_ttl"
    case timeout
    case cache
    case cacheSize = "cache_size"
    case minFree = "min_free"
    case credentials
    case cafile
    case uid
    case gid
    case umask
    case allowOther = "allow_other"
    case lazy
    case xattr
    case include
    case lock
    case nonempty
    case log

    /// What stands behind `=` in the help; nil for an option that takes no value.
    package var placeholder: String? {
        switch self {
        case .ttl, .draftTTL, .negativeTTL, .metadataTTL, .timeout: "TIME"
        case .cache: "DIR|none"
        case .cacheSize, .minFree: "SIZE"
        case .credentials, .cafile, .lock: "FILE"
        case .uid, .gid: "ID"
        case .umask: "OCTAL"
        case .include: "LIST"
        case .log: "LEVEL"
        case .allowOther, .lazy, .xattr, .nonempty: nil
        }
    }

    /// The default as a person would write it, with its unit.
    package var defaultText: String {
        let defaults = MountOptions()
        return switch self {
        case .ttl: DurationText.write(defaults.ttl)
        case .draftTTL: DurationText.write(defaults.draftTTL)
        case .negativeTTL: DurationText.write(defaults.negativeTTL)
        case .timeout: DurationText.write(defaults.timeout)
        case .cacheSize: ByteCountText.write(defaults.cacheByteCount)
        case .minFree: ByteCountText.write(defaults.minFreeByteCount)
        case .cache: "see below"
        case .cafile: "the system"
        case .credentials: "see below"
        case .uid, .gid: "who mounts"
        case .umask: "0000"
        case .include: "everything"
        case .log: "\(defaults.logLevel(isVerbose: false))"
        case .metadataTTL, .lock, .allowOther, .lazy, .xattr, .nonempty: "off"
        }
    }

    /// What the option does, in lines of at most 42 characters.
    package var summary: [String] {
        switch self {
        case .ttl: ["how long a listing, and what latest points", "to, are believed"]
        case .draftTTL: ["how long a draft (v0) is believed"]
        case .negativeTTL: ["how long a prompt stays missing"]
        case .metadataTTL: ["renew the metadata and the attachment list", "of published versions after this time"]
        case .timeout: ["the longest that a call waits for the API"]
        case .cache: ["where fetched things are kept"]
        case .cacheSize: ["the most that the cache takes"]
        case .minFree: ["the cache leaves this much of the disk free"]
        case .credentials: ["a file with the API key, readable by you", "alone"]
        case .cafile: ["certificates to trust, and no others (PEM)"]
        case .uid: ["the owner of everything, as a number"]
        case .gid: ["the group of everything, as a number"]
        case .umask: ["permissions to take away (0077: only you)"]
        case .allowOther: ["let other users in"]
        case .lazy: ["mount also while the API is unreachable"]
        case .xattr: ["user.claro.* extended attributes (ls -l", "then asks three times per file)"]
        case .include: ["show only these: @ns, @ns/prompt,", "@ns/start*, several separated by colons"]
        case .lock: ["show exactly the versions that this file has", "(`claro lock` writes it)"]
        case .nonempty: ["mount over a directory that has entries"]
        case .log: ["trace, debug, info, notice, warning,", "error or critical (-v: debug)"]
        }
    }
}
