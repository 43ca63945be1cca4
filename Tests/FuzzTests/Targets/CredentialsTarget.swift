import Glibc

@testable import ClaroAPI

extension FuzzTarget {
    /// A key, wherever a user puts it. Of the first two bytes nine bits are its file's mode, three are where it is, and four
    /// are how often its last byte comes again.
    static let credentials = FuzzTarget(name: "credentials", sources: ["ClaroAPI/Credentials.swift"]) { bytes in
        guard bytes.count >= 2, let last = bytes.last else { return }
        let head = Int(bytes[0]) << 8 | Int(bytes[1])
        // A key may have more bytes than inputs have.
        let contents = Array(bytes.dropFirst(2)) + repeatElement(last, count: 300 * (head >> 12))
        let place = KeyPlace.allCases[head >> 9 & 7]
        let mode = mode_t(head & 0o777)
        try KeyPlace.write(contents, mode: mode)
        let credentials: Credentials
        do throws(CredentialsError) {
            guard let found = try place.credentials(contents.text) else { return }
            credentials = found
        } catch {
            let isPlace = error.place.hasPrefix(KeyPlace.directory) || error.place.hasPrefix("$BAYT_API_KEY")
            try check(isPlace, "an error names the place")
            return try check(!repeats(error, contents), "an error has nothing of what is there")
        }
        try check(place.forbiddenMode.map { mode & $0 == 0 } == true, "a key that others can read is refused")
        try checkKey(credentials, contents)
        try checkReload(credentials)
    }

    private static func checkKey(_ credentials: Credentials, _ contents: [UInt8]) throws {
        let secret = credentials.key.secret
        try check((1...4096).contains(secret.utf8.count), "a key has a bounded length")
        try check(secret.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a key fits a header field")
        try check(contents.contains(Array(secret.utf8)), "a key is what is there")
        try check(try Credentials(key: secret).key == credentials.key, "a key is the same wherever it is")
        var dumped = ""
        dump(credentials, to: &dumped)
        let shown = "\(credentials) \(credentials.key) \(String(reflecting: credentials.key)) \(dumped)"
        // Other texts of some length are there in any case: names of types, the place.
        let isTelling = secret.utf8.count >= 12 && credentials.key.looksLikeClaroKey
        try check(!isTelling || !shown.contains(secret), "nothing shows the key")
    }

    private static func checkReload(_ credentials: Credentials) throws {
        try check(try credentials.reload() == false, "what has not changed is the same key")
        let (key, other) = (credentials.key, "sk_another")
        try KeyPlace.write(Array(other.utf8), mode: 0o600)
        let isOther = credentials.file != nil && key.secret != other
        try check(try credentials.reload() == isOther, "what has changed is another key")
        try check((credentials.key != key) == isOther, "and is used from then on")
    }

    /// Whether an error has so much of what is there that it is no accident. Keys have an underscore, which no error has
    /// but for the place.
    private static func repeats(_ error: CredentialsError, _ contents: [UInt8]) -> Bool {
        let beginning = Array(contents.prefix(12))
        guard beginning.count == 12, beginning.contains(UInt8(ascii: "_")) else { return false }
        return Array(error.description.replacing(error.place, with: "").utf8).contains(beginning)
    }
}

/// Where a key is looked for.
private enum KeyPlace: CaseIterable {
    case option, variable, service, configuration, home, folder, missing, nowhere

    /// In which every place is found by a name of its own: the one file has all of these names.
    static let directory = {
        let directory = Scratch.directory
        for name in ["claro", ".config"] { symlink(".", "\(directory)/\(name)") }
        symlink("claro-api-key", "\(directory)/credentials")
        return directory
    }()

    private static let file = "\(directory)/claro-api-key"
    private static let descriptor = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)

    static func write(_ contents: [UInt8], mode: mode_t) throws {
        ftruncate(descriptor, 0)
        let written = pwrite(descriptor, contents, contents.count, 0)
        try check(written == contents.count && fchmod(descriptor, mode) == 0, "a file can be written")
    }

    /// The bits of a file's mode with which it is refused; nil where there is no file.
    var forbiddenMode: mode_t? {
        switch self {
        case .option, .configuration, .home: 0o077
        case .variable: 0
        // By an access control list, whose mask stands in the group's bits.
        case .service: 0o007
        case .folder, .missing, .nowhere: nil
        }
    }

    /// What is found; nil where this computer would tell a key of its own.
    func credentials(_ text: String) throws(CredentialsError) -> Credentials? {
        var (path, key): (String?, String?)
        var environment: [String: String] = [:]
        switch self {
        case .option: path = Self.file
        case .variable:
            key = text
            // An empty one is none.
            environment["CREDENTIALS_DIRECTORY"] = Self.directory
        case .service: environment["CREDENTIALS_DIRECTORY"] = Self.directory
        case .configuration: environment["XDG_CONFIG_HOME"] = Self.directory
        case .home: environment["HOME"] = Self.directory
        case .folder: path = Self.directory
        case .missing: path = "\(Self.directory)/missing"
        case .nowhere:
            guard access("/etc/claro/credentials", F_OK) != 0 else { return nil }
            environment["HOME"] = "\(Self.directory)/missing"
        }
        return try Credentials(file: path, environment: environment, environmentKey: key)
    }
}
