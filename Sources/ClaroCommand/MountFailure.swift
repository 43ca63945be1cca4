import Glibc

/// Why there is no mount, or no library to work on: one line with the cause and what to do, and mount(8)'s exit code.
package struct MountFailure: Error, Equatable, CustomStringConvertible {
    package let exitCode: MountExitCode
    /// Without the program's name, without a final newline.
    package let description: String

    package init(_ exitCode: MountExitCode, _ description: String) {
        self.exitCode = exitCode
        self.description = Self.withoutKeys(description)
    }

    /// Writes the line to standard error, after the command's name.
    package func report(of command: String) {
        StandardError.write("\(command): \(description)\n")
    }

    /// Replaces every API key in `text`, so that one that was typed at the wrong place is not repeated on a screen
    /// or in a log, and every control character, so that the message stays one line.
    package static func withoutKeys(_ text: String) -> String {
        let line = String(text.map { $0.isNewline || $0.asciiValue.map { $0 < 0x20 || $0 == 0x7F } == true ? " " : $0 })
        return line.replacing(#/\bsk_[A-Za-z0-9_\-]+/#, with: "sk_…")
    }
}

/// File descriptor 2. (Glibc's `stderr` is mutable shared state, which Swift 6 does not let pass.)
package enum StandardError {
    /// Writes all of `text`, or as much as is taken before an error: there is nobody left to tell.
    package static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
