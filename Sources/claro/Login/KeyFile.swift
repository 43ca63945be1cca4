import Glibc
import SystemPackage

/// The file that holds the key.
enum KeyFile {
    /// Where `Credentials` looks for a user's own; nil where there is no home.
    static var standardPath: String? {
        func path(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        let directory = path("XDG_CONFIG_HOME") ?? path("HOME").map { "\($0)/.config" }
        return directory.map { "\($0)/claro/credentials" }
    }

    /// One line, from the terminal without an echo (getpass(3)), else from standard input; nil where there is none.
    static func askForKey() -> String? {
        if isatty(STDIN_FILENO) == 1 {
            guard let line = getpass("API key: ") else { return nil }
            defer { explicit_bzero(line, strlen(line)) }
            return String(cString: line)
        }
        return readLine()
    }

    /// Replaces the file as a whole, with mode 0600, in directories with mode 0700.
    ///
    /// - Throws: `CommandFailure` with what the system says.
    static func write(_ key: String, to path: String) throws(CommandFailure) {
        var directory = path.hasPrefix("/") ? "/" : ""
        for name in path.split(separator: "/").dropLast() {
            directory += "\(name)/"
            mkdir(directory, 0o700)
        }
        let temporary = "\(path).\(getpid())"
        do {
            let file = try FileDescriptor.open(
                temporary,
                .writeOnly,
                options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                permissions: .ownerReadWrite
            )
            try file.closeAfter {
                try file.writeAll("\(key)\n".utf8)
                fsync(file.rawValue)
            }
            guard rename(temporary, path) == 0 else { throw Errno(rawValue: errno) }
        } catch {
            unlink(temporary)
            throw CommandFailure(.failure, "writing \(path) failed: \(error): give another place with --file FILE")
        }
    }
}
