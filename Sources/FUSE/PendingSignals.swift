import Glibc

/// The signals that wait to be delivered to a thread, from `/proc/TID/status` (proc(5): SigPnd of the thread, ShdPnd of
/// its process, SigBlk the mask).
struct PendingSignals {
    private let bits: UInt64

    init(_ status: ProcessStatus) {
        func mask(_ field: String) -> UInt64 { status[field].flatMap { UInt64($0, radix: 16) } ?? 0 }
        bits = (mask("SigPnd:") | mask("ShdPnd:")) & ~mask("SigBlk:")
    }

    func contains(_ signal: Int32) -> Bool { bits & (1 << UInt64(signal - 1)) != 0 }

    /// Whether one of them asks the program to stop. A signal that kills is turned into SIGKILL by the kernel as soon as
    /// it is sent (kernel/signal.c, complete_signal); one that has a handler stays what it is.
    var endWaiting: Bool { [SIGKILL, SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(where: contains) }

    /// Whether `thread` should be freed from a wait. A thread that is gone, or that this process cannot see because it
    /// is in another pid namespace, is freed: better an EINTR too many than a process that cannot be killed.
    static func stopWaiting(_ thread: pid_t) -> Bool {
        guard thread != 0, let status = ProcessStatus(of: thread) else { return true }
        return PendingSignals(status).endWaiting
    }
}
