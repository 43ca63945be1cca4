import Glibc

@testable import ClaroAPI

extension FuzzTarget {
    /// A file with a key: the first two bytes are its mode.
    static let credentials = FuzzTarget(name: "credentials", sources: ["ClaroAPI/Credentials.swift"]) { bytes in
        guard bytes.count >= 2 else { return }
        let mode = (mode_t(bytes[0]) << 8 | mode_t(bytes[1])) & 0o777
        let contents = Array(bytes.dropFirst(2))
        let (credentials, problem) = try readFile(contents, mode: mode)
        if let problem {
            try check(problem.place == path, "an error names the place")
            try check(!repeats(problem.description, contents), "an error has nothing of what is there")
        }
        let isClosed = mode & 0o077 == 0
        try check(isClosed || credentials == nil, "a key that others can read is refused")
        guard let credentials else { return }
        let secret = credentials.key.secret
        try check((1...4096).contains(secret.utf8.count), "a key has a bounded length")
        try check(secret.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a key fits a header field")
        try check(contents.contains(Array(secret.utf8)), "a key is what is in the file")
        var dumped = ""
        dump(credentials, to: &dumped)
        let shown = "\(credentials) \(credentials.key) \(String(reflecting: credentials.key)) \(dumped)"
        try check(secret.utf8.count < 12 || !shown.contains(secret), "nothing shows the key")
        try check(try credentials.reload() == false, "what has not changed is the same key")
        _ = credentials.key.looksLikeClaroKey
    }

    private static let path = "/proc/self/fd/\(descriptor)"
    /// A file in memory, without a name.
    private static let descriptor = {
        let path = "/dev/shm/claro-fuzz-key.\(getpid())"
        defer { unlink(path) }
        return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    }()

    private static func readFile(
        _ contents: [UInt8],
        mode: mode_t
    ) throws -> (Credentials?, CredentialsError?) {
        ftruncate(descriptor, 0)
        let written = pwrite(descriptor, contents, contents.count, 0)
        try check(written == contents.count && fchmod(descriptor, mode) == 0, "a file can be written")
        do throws(CredentialsError) {
            return (try Credentials(file: path, environment: [:], environmentKey: nil), nil)
        } catch {
            return (nil, error)
        }
    }

    /// Whether so much of the file is in the text that it is no accident.
    private static func repeats(_ text: String, _ contents: [UInt8]) -> Bool {
        contents.count >= 12 && Array(text.utf8).contains(contents.prefix(12))
    }
}
