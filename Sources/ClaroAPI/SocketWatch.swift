import CCurl
import CLinux
import Glibc

/// Waits for libcurl's sockets and its timer with epoll(7): a turn of the loop then costs as much as there is to do, and not
/// as much as is under way, of which `curl_multi_poll` and `curl_multi_perform` look at each socket each time.
///
/// `@unchecked Sendable`: `wake()` only uses a descriptor that never changes; all else is for the transport's thread.
final class SocketWatch: @unchecked Sendable {
    private let epoll: Int32
    /// Counts calls of `wake()` (eventfd(2)).
    private let wakeUps: Int32
    /// When libcurl wants to be called without a socket's being ready.
    private var timer: ContinuousClock.Instant?
    private var events = [epoll_event](repeating: epoll_event(), count: 64)

    /// nil where the system has no descriptors left.
    init?() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeUps = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard epoll >= 0, wakeUps >= 0, watch(wakeUps, EPOLLIN.rawValue) else { return nil }
    }

    deinit {
        close(epoll)
        close(wakeUps)
    }

    /// Has `wait` return; from any thread.
    func wake() { eventfd_write(wakeUps, 1) }

    /// Has libcurl tell this object which sockets to watch, and when to call; it must live as long as `multi`.
    func attach(to multi: UnsafeMutableRawPointer?) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_socket_function(
            multi,
            { _, socket, interest, context, _ in
                guard let context else { return 0 }
                Unmanaged<SocketWatch>.fromOpaque(context).takeUnretainedValue().watch(socket, interest: interest)
                return 0
            },
            context
        )
        ccurl_multi_set_timer_function(
            multi,
            { _, milliseconds, context in
                guard let context else { return 0 }
                let watch = Unmanaged<SocketWatch>.fromOpaque(context).takeUnretainedValue()
                watch.timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
                return 0
            },
            context
        )
    }

    /// Waits for something to do, or until `deadline`.
    ///
    /// - Returns: Sockets of which libcurl is to be told (`curl_multi_socket_action`), each with what it is ready for.
    func wait(until deadline: ContinuousClock.Instant?) -> [(socket: Int32, readiness: Int32)] {
        let next = [timer, deadline].compactMap(\.self).min()
        let count = epoll_wait(epoll, &events, Int32(events.count), next.map(Self.milliseconds) ?? -1)
        return events.prefix(Int(max(0, count))).compactMap { event in
            guard event.data.fd == wakeUps else { return (event.data.fd, Self.readiness(event.events)) }
            var ignored: eventfd_t = 0
            eventfd_read(wakeUps, &ignored)
            return nil
        }
    }

    /// Whether libcurl's time has come; it is then to be told.
    func takeTimer() -> Bool {
        guard let timer, timer <= .now else { return false }
        self.timer = nil
        return true
    }

    /// A socket that the system refuses to watch has its transfers run into their deadlines: libcurl gives all others up as
    /// well if it is told.
    private func watch(_ socket: Int32, interest: Int32) {
        switch interest {
        case CURL_POLL_IN: watch(socket, EPOLLIN.rawValue)
        case CURL_POLL_OUT: watch(socket, EPOLLOUT.rawValue)
        case CURL_POLL_INOUT: watch(socket, EPOLLIN.rawValue | EPOLLOUT.rawValue)
        default: epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
        }
    }

    @discardableResult
    private func watch(_ descriptor: Int32, _ events: UInt32) -> Bool {
        var event = epoll_event(events: events, data: epoll_data(fd: descriptor))
        if epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 { return true }
        return errno == EEXIST && epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0
    }

    /// What `curl_multi_socket_action` calls it. 0 has libcurl find out by itself, and report the error that it finds.
    private static func readiness(_ events: UInt32) -> Int32 {
        guard events & ~(EPOLLIN.rawValue | EPOLLOUT.rawValue) == 0 else { return 0 }
        let canReceive = events & EPOLLIN.rawValue != 0
        let canSend = events & EPOLLOUT.rawValue != 0
        return (canReceive ? CURL_CSELECT_IN : 0) | (canSend ? CURL_CSELECT_OUT : 0)
    }

    /// Until `instant`, rounded up.
    private static func milliseconds(until instant: ContinuousClock.Instant) -> Int32 {
        let wait = (instant - .now).components
        let milliseconds = wait.seconds * 1000 + (wait.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: max(0, milliseconds))
    }
}
