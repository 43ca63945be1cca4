import Glibc

/// Who a request is made for, known to everything that is done for it, also in tasks that it starts.
package enum Caller {
    /// The thread that waits for the answer; 0 outside of any request, and where it lives in another pid namespace.
    @TaskLocal static var thread: pid_t = 0

    /// The name of the calling thread's process, as `ps` shows it at this moment; nil where that cannot be told.
    package static var processName: String? {
        guard thread != 0, let status = ProcessStatus(of: thread) else { return nil }
        guard let process = status["Tgid:"].flatMap({ pid_t($0) }), process != thread else { return status["Name:"] }
        return ProcessStatus(of: process)?["Name:"]
    }
}
