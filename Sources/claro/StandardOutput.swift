import ClaroAPI
import Glibc

/// File descriptor 1, without a buffer.
enum StandardOutput {
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// The document as `jq -S .` prints it.
    static func write(_ document: JSONValue) throws(CommandFailure) { try write(document.serialized()) }

    static func write(line: String) throws(CommandFailure) { try write(Array("\(line)\n".utf8)) }

    /// - Throws: `CommandFailure` where not all of it can be written: who reads must not take a part for the whole.
    static func write(_ bytes: [UInt8]) throws(CommandFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EPIPE { endAsOthersDo() }
            guard count > 0 else {
                throw CommandFailure(.failure, "writing the output failed: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Who read has enough, as in `claro watch | head -1`.
    private static func endAsOthersDo() {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
    }
}
