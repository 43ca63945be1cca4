import FUSE
import Glibc
import SystemPackage

/// The directory for what is too large for memory.
package struct CacheDirectory: Sendable {
    package let path: String

    /// Meant for large files, unlike /tmp, which may be in memory.
    package static let temporary = CacheDirectory(existing: "/var/tmp")

    /// Whether anything is kept here.
    package let keeps: Bool

    private init(existing path: String) {
        self.path = path
        keeps = false
    }

    /// Uses `path`, made with mode 0700 if it is not there.
    ///
    /// - Throws: EPERM where it is another user's or open to others, ENOTDIR, or what mkdir(2) says.
    package init(_ path: String) throws(Errno) {
        self.path = path
        keeps = true
        var made = ""
        for component in path.split(separator: "/") {
            made += "/" + component
            guard mkdir(made, 0o700) != 0, errno != EEXIST else { continue }
            // Where a parent cannot be made, making its child fails as well, and says why.
            if made == path { throw Errno(rawValue: errno) }
        }
        var status = stat()
        guard lstat(path, &status) == 0 else { throw Errno(rawValue: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notDirectory }
        guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else { throw .notPermitted }
    }

    /// The directory for one library as one key sees it, made if need be; nil where nothing is kept.
    ///
    /// Where `source`, the place that the key comes from, gave another key before, and this one has no directory yet, that
    /// key's is taken over. Its listing stays that key's (`CacheDatabase.save(_:fetched:)`).
    func store(for identity: String, source: String?) -> String? {
        guard keeps else { return nil }
        markAsCache()
        let store = "\(path)/\(identity)"
        if let source {
            let note = "\(path)/key-\(source)"
            if let previous = Self.read(note), previous != identity, access(store, F_OK) != 0 {
                rename("\(path)/\(previous)", store)
            }
            Self.replace(note, with: identity)
        }
        guard mkdir(store, 0o700) == 0 || errno == EEXIST else { return nil }
        return store
    }

    /// The identity that a note holds: hexadecimal digits, or nothing that could lead elsewhere.
    private static func read(_ note: String) -> String? {
        let options: FileDescriptor.OpenOptions = [.nonBlocking, .noFollow, .closeOnExec]
        guard let file = try? FileDescriptor.open(note, .readOnly, options: options) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = (try? file.closeAfter { try bytes.withUnsafeMutableBytes { try file.read(into: $0) } }) ?? 0
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        return text.utf8.count == 64 && text.allSatisfy(\.isHexDigit) ? text : nil
    }

    private static func replace(_ note: String, with text: String) {
        let temporary = "\(note).\(getpid())"
        guard
            let file = try? FileDescriptor.open(
                temporary,
                .writeOnly,
                options: [.create, .truncate, .closeOnExec],
                permissions: .ownerReadWrite
            )
        else { return }
        _ = try? file.closeAfter { try file.writeAll(text.utf8) }
        rename(temporary, note)
    }

    /// Tells backup programs to leave it out (bford.info/cachedir).
    private func markAsCache() {
        let text =
            "Signature: 8a477f597d28d172789f06886806bc55\n# Made by mount.claro: what is here can be fetched again.\n"
        guard
            let file = try? FileDescriptor.open(
                "\(path)/CACHEDIR.TAG",
                .writeOnly,
                options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: .ownerReadWrite
            )
        else { return }
        _ = try? file.closeAfter { try file.writeAll(text.utf8) }
    }

    /// A file without a name, which is gone when its last descriptor is closed, also after a crash.
    func makeUnlinkedFile() throws(Errno) -> OpenFile {
        var template = Array("\(path)/attachment.XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        unlink(template)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return OpenFile(FileDescriptor(rawValue: descriptor))
    }

    /// Bytes that the filesystem could still take.
    package var freeByteCount: Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return .max }
        return Int64(status.f_bavail) * Int64(status.f_frsize)
    }
}
