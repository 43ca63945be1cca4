import Glibc
import SystemPackage

/// Reads a file of a mount that may hang for ever.
///
/// A child does it, not a thread: one that waits for an answer which a daemon has begun and does not give cannot be
/// killed (fs/fuse/dev.c, request_wait_answer), and would keep this process from ending.
enum MountProbe {
    /// A living daemon answers in milliseconds.
    static let longestAnswer: Duration = .seconds(2)

    enum Answer {
        case bytes([UInt8])
        case failed(Errno)
        /// Nothing came within `longestAnswer`.
        case hung
    }

    static func read(_ path: String) -> Answer {
        guard let (reader, writer) = try? pipe() else { return .failed(.tooManyOpenFiles) }
        defer { close(reader) }
        let child = spawn(["claro", "read-report", path], output: writer)
        close(writer)
        guard let child else { return .failed(.noMemory) }
        let bytes = readToEnd(of: reader, until: .now + longestAnswer)
        if bytes == nil { kill(child, SIGKILL) }
        // A child that cannot be killed yet is left to init.
        var status: Int32 = 0
        _ = waitpid(child, &status, bytes == nil ? WNOHANG : 0)
        guard let bytes else { return .hung }
        let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
        let code = Int32(String(decoding: bytes[..<lineEnd], as: UTF8.self)) ?? EIO
        return code == 0 ? .bytes(Array(bytes[lineEnd...].dropFirst())) : .failed(Errno(rawValue: code))
    }

    private static func pipe() throws -> (reader: Int32, writer: Int32) {
        let (reader, writer) = try FileDescriptor.pipe()
        for end in [reader, writer] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
        return (reader.rawValue, writer.rawValue)
    }

    private static func spawn(_ arguments: [String], output: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A child that hangs must not keep open what others wait for the end of.
        for descriptor in [STDIN_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var noEnvironment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { argv.forEach { free($0) } }
        var child = pid_t()
        return posix_spawn(&child, "/proc/self/exe", &actions, nil, &argv, &noEnvironment) == 0 ? child : nil
    }

    /// nil: the deadline passed before the end.
    private static func readToEnd(of descriptor: Int32, until deadline: ContinuousClock.Instant) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let remaining = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let result = poll(&event, 1, Int32(max(0, remaining)))
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { return nil }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }
}
