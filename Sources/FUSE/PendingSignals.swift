import Glibc

/// The signals that wait to be delivered to a thread, from `/proc/TID/status` (proc(5): SigPnd of the thread, ShdPnd of
/// its process, SigBlk the mask).
struct PendingSignals {
    private let bits: UInt64

    /// Reads the text of a status file.
    init(status: some StringProtocol) {
        func mask(_ field: String) -> UInt64 {
            guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(field) }) else { return 0 }
            return UInt64(line.dropFirst(field.count).trimmingPrefix { $0 == " " || $0 == "\t" }, radix: 16) ?? 0
        }
        bits = (mask("SigPnd:") | mask("ShdPnd:")) & ~mask("SigBlk:")
    }

    func contains(_ signal: Int32) -> Bool { bits & (1 << UInt64(signal - 1)) != 0 }

    /// Whether one of them asks the program to stop. A signal that kills is turned into SIGKILL by the kernel as soon as
    /// it is sent (kernel/signal.c, complete_signal); one that has a handler stays what it is.
    var endWaiting: Bool { [SIGKILL, SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(where: contains) }

    /// Whether `thread` should be freed from a wait. A thread that is gone, or that this process cannot see because it
    /// is in another pid namespace, is freed: better an EINTR too many than a process that cannot be killed.
    static func stopWaiting(_ thread: pid_t) -> Bool {
        guard thread != 0, let status = readStatus(of: thread) else { return true }
        return PendingSignals(status: status).endWaiting
    }

    private static func readStatus(of thread: pid_t) -> String? {
        let descriptor = open("/proc/\(thread)/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
        }
    }
}
