import CCurl
import Glibc
import Synchronization

/// HTTP by libcurl's multi interface, on one thread of its own.
///
/// Any number of tasks may wait for answers; none of them holds a thread. While nothing is under way, the thread
/// sleeps without a timeout. The thread ends with `shutdown()` or with the last reference.
final class Transport: Sendable {
    struct Configuration: Sendable {
        /// Certificates, as PEM, to trust instead of the system's, for downloads beside the system's.
        var caFile: String?
        var userAgent: String
    }

    private let loop: TransportLoop
    private let thread: Mutex<pthread_t?>

    init(configuration: Configuration) {
        loop = TransportLoop(configuration: configuration)
        thread = Mutex(Self.startThread(loop))
    }

    deinit {
        shutdown()
    }

    /// Sends one request and waits for the whole answer, whatever its status.
    ///
    /// Cancelling the task ends the exchange.
    func perform(_ request: HTTPRequest) async throws(TransportFailure) -> HTTPResponse {
        let transfer = Transfer(request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.prepare(continuation)
                loop.submit(transfer)
            }
        } onCancel: {
            transfer.cancel()
            loop.sweepCancelled()
        }
        return try result.get()
    }

    /// Ends all exchanges as cancelled, also those that come later, and waits for the thread's end.
    func shutdown() {
        loop.stop()
        guard let thread = thread.withLock({ $0.take() }) else { return }
        // The last reference may have been a receiver's, dropped on the thread itself.
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    private static func startThread(_ loop: TransportLoop) -> pthread_t? {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(loop)
        let result = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                // Signals are the process's other threads' business. SIGPIPE, which TLS may raise when a server hangs
                // up, would end the process; blocked, it does nothing.
                var allSignals = sigset_t()
                sigfillset(&allSignals)
                pthread_sigmask(SIG_SETMASK, &allSignals, nil)
                Unmanaged<TransportLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            context.toOpaque()
        )
        guard result == 0 else {
            context.release()
            loop.stop()
            return nil
        }
        return thread
    }
}
