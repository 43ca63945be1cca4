@testable import ClaroCommand

extension FuzzTarget {
    /// The values of `-o`, one a line.
    static let options = FuzzTarget(
        name: "options",
        sources: [
            "ClaroCommand/ByteCountText.swift", "ClaroCommand/DurationText.swift", "ClaroCommand/MountFlags.swift",
            "ClaroCommand/MountOptions.swift", "ClaroCommand/MountOptions+Parsing.swift",
            "ClaroCommand/MountWords.swift",
        ]
    ) { bytes in
        let lists = Array(bytes.lines.prefix(8))
        for list in lists { try checkWords(list) }
        let sloppy = try parse(lists, isSloppy: true)
        guard let options = try parse(lists, isSloppy: false) else { return }
        try check(sloppy == options, "what is right is no other when wrong words are passed over")
        let tenYears = Duration.seconds(3650 * 86_400)
        for time in [options.ttl, options.draftTTL, options.negativeTTL, options.metadataTTL ?? .zero, options.timeout]
        {
            try check((.zero...tenYears).contains(time), "a time is none or more, up to ten years")
        }
        try check(options.timeout >= .milliseconds(100), "a deadline leaves time for an answer")
        for size in [options.cacheByteCount, options.minFreeByteCount] {
            try check((0...1 << 50).contains(size), "a size is none or more, up to a pebibyte")
        }
        try check(options.umask & ~0o777 == 0, "a umask has nine bits")
        try check(options.uid != .max && options.gid != .max, "an owner is somebody")
        try check(options.flags.isSuperset(of: [.readOnly, .noSUID, .noDevices]), "a mount is read-only and harmless")
        for path in [options.credentialsFile, options.caFile, options.lockFile] {
            try check(path?.isEmpty != true && path?.utf8.contains(0) != true, "a path can be opened")
        }
        try check(options.logLevel(isVerbose: true) <= options.logLevel(isVerbose: false), "verbose is not less")
    }

    private static func parse(_ lists: [String], isSloppy: Bool) throws -> MountOptions? {
        do throws(MountFailure) {
            return try MountOptions(parsing: lists, isSloppy: isSloppy)
        } catch {
            try check(error.exitCode == .usage, "wrong words are who mounts' own")
            let isKnown = lists.joined().contains("sk_")
            try check(isKnown || !error.description.contains("sk_"), "nobody is told a key")
            return nil
        }
    }

    private static func checkWords(_ list: String) throws {
        let escaped = MountOptions.split(list).map { word in
            String(
                String.UnicodeScalarView(word.unicodeScalars.flatMap { $0 == "," || $0 == "\\" ? ["\\", $0] : [$0] })
            )
        }
        try check(MountOptions.split(escaped.joined(separator: ",")) == MountOptions.split(list), "a list is its words")
        if let size = ByteCountText.read(list) {
            try check(ByteCountText.read(ByteCountText.write(size)) == size, "a size reads as it is written")
        }
        if let time = DurationText.read(list) {
            try check(time >= .zero, "no time is negative")
            guard time < .seconds(1 << 40) else { return }
            try check(DurationText.read(DurationText.write(time)) == time, "a time reads as it is written")
        }
    }
}
