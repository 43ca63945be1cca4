import Glibc

/// Another program, by its name in `$PATH`.
package enum Program {
    /// Runs it to its end, with this process's standard streams and environment.
    ///
    /// - Returns: Its exit status; nil where it could not be started or was killed.
    package static func run(_ name: String, _ arguments: [String]) -> Int32? {
        var argv: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var child = pid_t()
        guard posix_spawnp(&child, name, nil, nil, &argv, environ) == 0 else { return nil }
        return end(of: child)
    }

    /// Waits for a child.
    ///
    /// - Returns: Its exit status; nil where it was killed.
    private static func end(of child: pid_t) -> Int32? {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        return ChildStatus(status).exitCode
    }

    /// Whether `name` is in one of `path`'s directories, and may be executed.
    package static func isInstalled(_ name: String, path: String) -> Bool {
        path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
    }
}

/// How a child ended, as waitpid(2) tells it. (The `W…` macros are not visible in Swift.)
package struct ChildStatus: Equatable {
    /// What it returned; nil where it was killed.
    package let exitCode: Int32?
    /// What it was killed by; nil where it returned.
    package let signal: Int32?

    package init(_ status: Int32) {
        let number = status & 0x7F
        exitCode = number == 0 ? (status >> 8) & 0xFF : nil
        signal = number == 0 ? nil : number
    }
}
