import Glibc
import Logging
import Synchronization

/// Writes log lines to the system's log, as datagrams in the form of RFC 3164 without its time, which syslogd and
/// journald add on arrival.
///
/// syslog(3) is not used because it waits while the log is slow, on whatever thread logs. Here a line that the log does
/// not take at once is lost.
struct SyslogHandler: LogHandler {
    var logLevel: Logger.Level = .notice
    var metadata: Logger.Metadata = [:]
    private let socket: SyslogSocket

    /// - Parameter path: The log's socket, a datagram socket in the filesystem.
    init(path: String = "/dev/log") {
        socket = SyslogSocket(path: path)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = LogLine.text(event, metadata: metadata)
        socket.send("<\(Self.priority(event.level))>mount.claro[\(getpid())]: \(text)")
    }

    /// Facility (daemon, 3) and severity in one number, RFC 3164 section 4.1.1.
    static func priority(_ level: Logger.Level) -> Int {
        let severity =
            switch level {
            case .trace, .debug: 7
            case .info: 6
            case .notice: 5
            case .warning: 4
            case .error: 3
            case .critical: 2
            }
        return 3 << 3 | severity
    }
}

/// The datagram socket that all copies of a handler share. It never blocks.
private final class SyslogSocket: Sendable {
    private let path: String
    /// Connected, or nil before the first line and after an error.
    private let descriptor = Mutex<Int32?>(nil)

    init(path: String) {
        self.path = path
    }

    deinit {
        descriptor.withLock { descriptor in
            if let descriptor { close(descriptor) }
        }
    }

    /// Sends one line; connects again once, because the log may have been restarted since the last line.
    func send(_ line: String) {
        let bytes = Array(line.utf8)
        descriptor.withLock { descriptor in
            for _ in 0..<2 {
                descriptor = descriptor ?? DatagramSocket.connected(to: path)
                guard let open = descriptor else { return }
                let count = Glibc.send(open, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                if count >= 0 || errno == EAGAIN || errno == ENOBUFS { return }
                close(open)
                descriptor = nil
            }
        }
    }
}
