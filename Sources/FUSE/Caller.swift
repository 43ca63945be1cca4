import Glibc
import Synchronization

/// Who a request is made for, known to everything that is done for it, also in tasks that it starts.
package enum Caller {
    /// The thread that waits for the answer; 0 outside of any request, and where it lives in another pid namespace.
    @TaskLocal package static var thread: pid_t = 0

    /// The last name that was looked up: what is done for a walk asks a thousand times for the same.
    private static let latest = Mutex<(thread: pid_t, name: String?, time: ContinuousClock.Instant)?>(nil)
    /// Until somebody else can have the thread's number, or it another name, as far as it matters for a count.
    private static let nameLifetime: Duration = .seconds(1)

    /// The name of the calling thread's process, as `ps` shows it, or did within the last second; nil where that cannot be
    /// told.
    package static var processName: String? {
        guard thread != 0 else { return nil }
        let now = ContinuousClock.now
        if let known = latest.withLock({ $0 }), known.thread == thread, now - known.time < nameLifetime {
            return known.name
        }
        let name = name(ofProcessWith: thread)
        latest.withLock { $0 = (thread, name, now) }
        return name
    }

    private static func name(ofProcessWith thread: pid_t) -> String? {
        guard let status = ProcessStatus(of: thread) else { return nil }
        guard let process = status["Tgid:"].flatMap({ pid_t($0) }), process != thread else { return status["Name:"] }
        return ProcessStatus(of: process)?["Name:"]
    }
}
