import Glibc

/// What the main thread waits for: signals from outside, and word from the process's own threads.
struct MainSignals {
    enum Event {
        /// SIGTERM, SIGINT or SIGQUIT.
        case end
        /// SIGHUP.
        case reload
        /// Some thread has news.
        case news
    }

    private static let news = SIGUSR2
    private let set: sigset_t

    /// Blocks the signals, so that they come one by one and no thread is interrupted by them. Before a second thread
    /// exists, which inherits the mask.
    init() {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP, Self.news] { sigaddset(&set, signal) }
        sigprocmask(SIG_BLOCK, &set, nil)
        self.set = set
    }

    /// Wakes the main thread, from any thread.
    static func send() { kill(getpid(), news) }

    /// nil: nothing came within `timeout`.
    func wait(atMost timeout: Duration? = nil) -> Event? {
        var set = set
        while true {
            let signal: Int32
            if let timeout {
                var time = timespec(tv_sec: Int(timeout.components.seconds), tv_nsec: 0)
                signal = sigtimedwait(&set, nil, &time)
            } else {
                signal = sigwaitinfo(&set, nil)
            }
            switch signal {
            case SIGHUP: return .reload
            case Self.news: return .news
            case -1 where errno == EAGAIN: return nil
            case -1: continue
            default: return .end
            }
        }
    }
}
