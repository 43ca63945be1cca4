import ClaroFS
import Logging

extension MountOptions {
    /// Reads the values of all `-o` arguments in their order; later options win.
    ///
    /// - Parameters:
    ///   - lists: Words separated by commas.
    ///   - isSloppy: mount(8)'s `-s`: unknown options are passed over.
    /// - Throws: `MountFailure` with exit code 1, naming the option. A value is repeated only where it cannot be a key.
    package init(parsing lists: [String], isSloppy: Bool = false) throws(MountFailure) {
        self.init()
        let words = lists.flatMap(Self.split)
        isRemount = words.contains("remount")
        for word in words where !word.isEmpty {
            try apply(word, isSloppy: isSloppy)
        }
    }

    /// The parts between commas. `\,` is a comma and `\\` a backslash within a part, as libfuse has it.
    package static func split(_ list: String) -> [String] {
        var words = [""]
        var rest = list.unicodeScalars[...]
        while let character = rest.popFirst() {
            if character == "\\", let next = rest.first, next == "," || next == "\\" {
                words[words.count - 1].unicodeScalars.append(next)
                rest.removeFirst()
            } else if character == "," {
                words.append("")
            } else {
                words[words.count - 1].unicodeScalars.append(character)
            }
        }
        return words
    }

    private mutating func apply(_ word: String, isSloppy: Bool) throws(MountFailure) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (name, value) = (parts[0], parts.count == 2 ? parts[1] : nil)
        if MountWords.areKey(name, value) { throw .keyAsOption }
        if let option = MountOption(rawValue: name) {
            guard (value != nil) == (option.placeholder != nil) else { throw .wrongShape(option) }
            return try apply(option, value ?? "")
        }
        if let change = MountFlags.changes[name] {
            flagChanges.append(change)
        } else if MountWords.implyLazy.contains(name) {
            isLazy = true
        } else if !MountWords.areAccepted(name, isRemount: isRemount) && !isSloppy {
            throw .unknownOption(name)
        }
    }

    private mutating func apply(_ option: MountOption, _ value: String) throws(MountFailure) {
        switch option {
        case .ttl: ttl = try Self.duration(option, value)
        case .draftTTL: draftTTL = try Self.duration(option, value)
        case .negativeTTL: negativeTTL = try Self.duration(option, value)
        case .metadataTTL: metadataTTL = value == "off" ? nil : try Self.duration(option, value)
        case .timeout: timeout = try Self.duration(option, value, from: .milliseconds(100), to: .seconds(3600))
        case .cache: cache = value == "none" ? .none : .directory(try Self.path(option, value))
        case .cacheSize: cacheByteCount = try Self.byteCount(option, value, from: 1 << 20)
        case .minFree: minFreeByteCount = try Self.byteCount(option, value, from: 0)
        case .credentials: credentialsFile = try Self.path(option, value)
        case .cafile: caFile = try Self.path(option, value)
        case .uid: uid = try Self.identity(option, value)
        case .gid: gid = try Self.identity(option, value)
        case .umask: umask = try Self.permissions(option, value)
        case .allowOther: allowsOtherUsers = true
        case .lazy: isLazy = true
        case .xattr: hasExtendedAttributes = true
        case .include: include = try Self.patterns(option, value)
        case .lock: lockFile = try Self.path(option, value)
        case .nonempty: allowsNonEmptyMountPoint = true
        case .log: logLevel = try Self.level(option, value)
        }
    }

    /// Ten years: beyond any use, and far below where adding it to a clock overflows.
    private static let longestDuration: Duration = .seconds(3650 * 86_400)
    /// 1 PiB: beyond any disk, and far below where adding sizes overflows.
    private static let largestByteCount: Int64 = 1 << 50

    private static func duration(
        _ option: MountOption,
        _ value: String,
        from least: Duration = .zero,
        to most: Duration = longestDuration
    ) throws(MountFailure) -> Duration {
        guard let duration = DurationText.read(value) else {
            throw .badValue(option, value, "is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d")
        }
        guard (least...most).contains(duration) else {
            let range = "\(DurationText.write(least)) to \(DurationText.write(most))"
            throw .badValue(option, value, "is out of range: \(range) are accepted")
        }
        return duration
    }

    private static func byteCount(
        _ option: MountOption,
        _ value: String,
        from least: Int64
    ) throws(MountFailure) -> Int64 {
        guard let byteCount = ByteCountText.read(value) else {
            throw .badValue(option, value, "is not a size: write bytes, or 64K, 512M, 1G, 2T")
        }
        guard (least...largestByteCount).contains(byteCount) else {
            let range = "\(ByteCountText.write(least)) to \(ByteCountText.write(largestByteCount))"
            throw .badValue(option, value, "is out of range: \(range) are accepted")
        }
        return byteCount
    }

    /// The highest id is the kernel's "no id".
    private static func identity(_ option: MountOption, _ value: String) throws(MountFailure) -> UInt32 {
        guard value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let id = UInt32(value), id != .max else {
            throw .badValue(option, value, "is not an id: write a number, as `id -u` and `id -g` print it")
        }
        return id
    }

    private static func permissions(_ option: MountOption, _ value: String) throws(MountFailure) -> UInt32 {
        guard value.utf8.allSatisfy({ (0x30...0x37).contains($0) }), let bits = UInt32(value, radix: 8), bits <= 0o777
        else {
            throw .badValue(option, value, "is not a umask: write 0 to 0777, in octal")
        }
        return bits
    }

    private static func path(_ option: MountOption, _ value: String) throws(MountFailure) -> String {
        guard !value.isEmpty, !value.utf8.contains(0) else { throw .wrongShape(option) }
        return value
    }

    private static func patterns(_ option: MountOption, _ value: String) throws(MountFailure) -> [IncludePattern] {
        var patterns: [IncludePattern] = []
        for part in value.split(separator: ":", omittingEmptySubsequences: false) {
            guard let pattern = IncludePattern(part) else {
                throw .badValue(option, value, "is not a part of an account: write @ns, @ns/prompt or @ns/start*")
            }
            patterns.append(pattern)
        }
        return patterns
    }

    private static func level(_ option: MountOption, _ value: String) throws(MountFailure) -> Logger.Level {
        guard let level = Logger.Level(rawValue: value) else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badValue(option, value, "is not a level: \(levels)")
        }
        return level
    }
}

extension MountFailure {
    fileprivate static let keyAsOption = MountFailure(
        .usage,
        "a key is not accepted as an option, where everybody could read it: put it into a file that only you can read"
            + " and give credentials=FILE, or set BAYT_API_KEY"
    )

    fileprivate static func wrongShape(_ option: MountOption) -> MountFailure {
        guard let placeholder = option.placeholder else {
            return MountFailure(.usage, "the option \(option.rawValue) takes no value")
        }
        return MountFailure(.usage, "the option \(option.rawValue) needs a value: \(option.rawValue)=\(placeholder)")
    }

    fileprivate static func badValue(_ option: MountOption, _ value: String, _ what: String) -> MountFailure {
        MountFailure(.usage, "\(option.rawValue)=\(value) \(what)")
    }

    fileprivate static func unknownOption(_ name: String) -> MountFailure {
        let hint = MountWords.nearest(to: name).map { ": did you mean \($0)?" } ?? ": `-o help` lists all"
        return MountFailure(.usage, "unknown option \(name)\(hint)")
    }
}
