import Glibc
import Synchronization
import SystemPackage

/// The one moment at which the mount becomes usable, told to whoever waits for it.
///
/// In the background the starting process waits for a byte in a pipe and then returns to the shell; up to that moment
/// this process writes its errors where the shell's user sees them. In the foreground nobody waits.
final class Readiness: Sendable {
    /// The pipe's end to write into, until the byte is written.
    private let pipe: Mutex<Int32?>

    private init(pipe: Int32?) {
        self.pipe = Mutex(pipe)
    }

    static let foreground = Readiness(pipe: nil)

    /// Takes over what `BackgroundStart` left for its child; nil where this process is no such child. To be called
    /// once, while there is one thread.
    static func inherited() -> Readiness? {
        guard getenv(BackgroundStart.variable) != nil else { return nil }
        unsetenv(BackgroundStart.variable)
        var status = stat()
        guard fstat(BackgroundStart.descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return nil }
        _ = fcntl(BackgroundStart.descriptor, F_SETFD, FD_CLOEXEC)
        closeOthers()
        takeName()
        return Readiness(pipe: BackgroundStart.descriptor)
    }

    /// Started as `/proc/self/exe`, the process would be called `exe` by `ps` and `pgrep`.
    private static func takeName() {
        guard let file = try? FileDescriptor.open("/proc/self/comm", .writeOnly, options: .closeOnExec) else { return }
        _ = try? file.closeAfter { try file.writeAll("mount.claro".utf8) }
    }

    /// A daemon that kept a pipe or a lock of whoever started it would keep them waiting.
    private static func closeOthers() {
        guard let directory = opendir("/proc/self/fd") else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let descriptor = Int32(name), descriptor > BackgroundStart.descriptor else { continue }
            if descriptor != dirfd(directory) { close(descriptor) }
        }
    }

    /// Says that the mount is usable. In the background it also leaves session, terminal and working directory: standard
    /// streams become `/dev/null`. Any thread; only the first call counts.
    func announce() {
        let pipe = pipe.withLock { pipe in
            defer { pipe = nil }
            return pipe
        }
        guard let pipe else { return }
        leaveTerminal()
        var byte: UInt8 = 0
        // Should the starting process be gone (SIGPIPE is ignored), the mount stays: it is usable.
        _ = write(pipe, &byte, 1)
        close(pipe)
    }

    /// Not before: autofs lets only the automounter's process group come near a mount point that waits for its mount, and
    /// systemd starts mount(8) in it.
    private func leaveTerminal() {
        setsid()
        _ = chdir("/")
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { return }
        for descriptor in STDIN_FILENO...STDERR_FILENO { dup2(null, descriptor) }
        if null > STDERR_FILENO { close(null) }
    }
}
