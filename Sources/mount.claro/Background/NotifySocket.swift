import ClaroCommand
import Glibc

/// Where a service manager hears what becomes of the service it started, as sd_notify(3) has it: systemd, for a unit of
/// `Type=notify`.
struct NotifySocket: Sendable {
    /// What the manager acts on.
    enum State: String {
        case ready = "READY=1\n"
        case stopping = "STOPPING=1\n"
    }

    /// As `DatagramSocket` takes it.
    private let address: String

    /// Takes `$NOTIFY_SOCKET` out of the environment, so that no child speaks for this process. nil: nobody asked. To be
    /// called while there is one thread.
    static func inherited() -> NotifySocket? {
        defer { unsetenv("NOTIFY_SOCKET") }
        return getenv("NOTIFY_SOCKET").map { NotifySocket(address: String(cString: $0)) }
    }

    /// Tells a change of state, if there is one, and what `systemctl status` shows of it. A manager that does not listen
    /// misses it. Any thread.
    func tell(_ status: String, _ state: State? = nil) {
        guard let socket = DatagramSocket.connected(to: address) else { return }
        let bytes = Array("\(state?.rawValue ?? "")STATUS=\(MountFailure.withoutKeys(status))\n".utf8)
        _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        close(socket)
    }
}
