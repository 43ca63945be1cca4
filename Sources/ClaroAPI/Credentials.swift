import Crypto
import Glibc
import Synchronization

/// The API key. Nothing prints it: not a description, not `dump`, not an error that holds it.
struct APIKey: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// For the `Authorization` header alone.
    let secret: String

    /// Trims white space at both ends.
    ///
    /// - Throws: `CredentialsError.Problem` where nothing is left, or what is left could not be a header's value.
    init(_ text: String) throws(CredentialsError.Problem) {
        let bytes = Array(text.utf8).trimmingWhitespace()
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.byteCountBound else { throw .tooLong }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .badCharacter }
        secret = String(decoding: bytes, as: UTF8.self)
    }

    /// A hash of `prefix` and the key, from which neither can be told.
    func digest(after prefix: [UInt8]) -> SHA256.Digest { SHA256.hash(data: prefix + Array(secret.utf8)) }

    /// Whether it begins as all keys of the service do that are known.
    var looksLikeClaroKey: Bool { secret.hasPrefix("sk_") }

    var description: String { "(key hidden)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }

    /// Keys have some 50 bytes; more than this is another kind of file.
    static let byteCountBound = 4096
}

/// Why there is no key to use. Names places, never contents.
package struct CredentialsError: Error, Hashable, CustomStringConvertible {
    package enum Problem: Error, Hashable {
        case notFound
        case unreadable(errno: Int32)
        case notAFile
        case readableByOthers(mode: UInt32)
        case ownedByAnother(uid: UInt32)
        case empty
        case tooLong
        case badCharacter
    }

    /// The file's path, or `$BAYT_API_KEY`; for `.notFound` all the places that were looked at.
    package let place: String
    package let problem: Problem

    package var description: String {
        switch problem {
        case .notFound: "no API key found in \(place)"
        case .unreadable(let code): "cannot read the API key from \(place): \(String(cString: strerror(code)))"
        case .notAFile: "cannot read the API key from \(place): not a regular file"
        case .readableByOthers(let mode):
            "refusing the API key in \(place): others may read it (mode \(String(mode, radix: 8))); chmod 600 it"
        case .ownedByAnother(let uid): "refusing the API key in \(place): it belongs to user \(uid)"
        case .empty: "the API key in \(place) is empty"
        case .tooLong: "what is in \(place) is too long for an API key"
        case .badCharacter: "the API key in \(place) contains white space or control characters"
        }
    }
}

/// Where the key comes from, and the key as it was last read from there.
package final class Credentials: Sendable, CustomStringConvertible {
    private let source: Source
    private let current: Mutex<APIKey>

    private enum Source {
        case environment
        case file(path: String, mayBeGroupReadable: Bool)
    }

    /// Finds the key: in `file` if given, else in `$BAYT_API_KEY`, `$CREDENTIALS_DIRECTORY/claro-api-key`,
    /// `$XDG_CONFIG_HOME/claro/credentials` (default `~/.config`), `/etc/claro/credentials`. The first place that
    /// exists is the one; a fault there is an error, not a reason to look further.
    ///
    /// - Parameters:
    ///   - file: A path given by the user.
    ///   - environment: The process's environment, without the key itself.
    ///   - environmentKey: The value of `$BAYT_API_KEY`, as `takeKeyFromEnvironment()` returns it.
    /// - Throws: `CredentialsError`, which a person can act on.
    package init(file: String?, environment: [String: String], environmentKey: String?) throws(CredentialsError) {
        if let file {
            source = .file(path: file, mayBeGroupReadable: false)
        } else if let environmentKey, !environmentKey.isEmpty {
            source = .environment
            do throws(CredentialsError.Problem) {
                current = Mutex(try APIKey(environmentKey))
            } catch {
                throw CredentialsError(place: "$BAYT_API_KEY", problem: error)
            }
            return
        } else {
            source = try Self.firstExistingFile(environment)
        }
        current = Mutex(try Self.read(source))
    }

    /// A key that is known already.
    package convenience init(key: String) throws(CredentialsError) {
        try self.init(file: nil, environment: [:], environmentKey: key)
    }

    package var description: String {
        switch source {
        case .environment: "$BAYT_API_KEY"
        case .file(let path, _): path
        }
    }

    var key: APIKey { current.withLock { $0 } }

    /// The file that the key is read from, which may hold another one some day; nil where it came otherwise.
    var file: String? {
        switch source {
        case .environment: nil
        case .file(let path, _): path
        }
    }

    /// Reads the file again and tells whether the key is another one now. A key from the environment stays.
    ///
    /// - Throws: `CredentialsError`; the key that was known then stays in use.
    func reload() throws(CredentialsError) -> Bool {
        guard case .file = source else { return false }
        let key = try Self.read(source)
        return current.withLock { current in
            defer { current = key }
            return current != key
        }
    }

    private static func firstExistingFile(_ environment: [String: String]) throws(CredentialsError) -> Source {
        var candidates: [(path: String, mayBeGroupReadable: Bool)] = []
        if let directory = environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty {
            // systemd lets a unit's user read its credentials by an ACL, whose mask stands in the group's bits.
            candidates.append(("\(directory)/claro-api-key", true))
        }
        if let directory = environment["XDG_CONFIG_HOME"], directory.hasPrefix("/") {
            candidates.append(("\(directory)/claro/credentials", false))
        } else if let home = environment["HOME"], !home.isEmpty {
            candidates.append(("\(home)/.config/claro/credentials", false))
        }
        candidates.append(("/etc/claro/credentials", false))
        for candidate in candidates where access(candidate.path, F_OK) == 0 || errno != ENOENT && errno != ENOTDIR {
            return .file(path: candidate.path, mayBeGroupReadable: candidate.mayBeGroupReadable)
        }
        let places = ["$BAYT_API_KEY"] + candidates.map(\.path)
        throw CredentialsError(place: places.joined(separator: ", "), problem: .notFound)
    }

    private static func read(_ source: Source) throws(CredentialsError) -> APIKey {
        guard case .file(let path, let mayBeGroupReadable) = source else {
            throw CredentialsError(place: "$BAYT_API_KEY", problem: .notFound)
        }
        do throws(CredentialsError.Problem) {
            return try APIKey(try readPrivateFile(path, forbiddenMode: mayBeGroupReadable ? 0o007 : 0o077))
        } catch {
            throw CredentialsError(place: path, problem: error)
        }
    }

    private static func readPrivateFile(_ path: String, forbiddenMode: mode_t) throws(CredentialsError.Problem)
        -> String
    {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        guard status.st_uid == 0 || status.st_uid == geteuid() else { throw .ownedByAnother(uid: status.st_uid) }
        guard status.st_mode & forbiddenMode == 0 else { throw .readableByOthers(mode: status.st_mode & 0o777) }
        var bytes = [UInt8](repeating: 0, count: APIKey.byteCountBound + 2)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw .unreadable(errno: errno) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

extension [UInt8] {
    fileprivate func trimmingWhitespace() -> ArraySlice<UInt8> {
        let isWhitespace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = firstIndex(where: { !isWhitespace($0) }),
            let last = lastIndex(where: { !isWhitespace($0) })
        else { return [] }
        return self[first...last]
    }
}
