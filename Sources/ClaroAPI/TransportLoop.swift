import CCurl
import Synchronization

/// What the transport's thread runs: starts, drives and ends transfers.
///
/// `@unchecked Sendable`: the mailbox is a mutex; `SocketWatch.wake` may be called from any thread; everything else is touched
/// by the one thread in `run()` only.
final class TransportLoop: @unchecked Sendable {
    private let multi: UnsafeMutableRawPointer?
    private let watch: SocketWatch?
    private let configuration: Transport.Configuration
    private let mailbox: Mutex<Mailbox>

    private var queue = TransferQueue()
    /// Transfers that libcurl works on, by their easy handle.
    private var active: [UnsafeMutableRawPointer: Transfer] = [:]
    private var load = TransferQueue.Load()
    /// No transfer's deadline comes before; one may move, but never closer.
    private var nextDeadline: ContinuousClock.Instant?
    /// Easy handles for the next transfers: a new one costs more than resetting an old one.
    private var idleHandles: [UnsafeMutableRawPointer] = []

    private static let idleHandleBound = TransferQueue.activeBackgroundBound

    /// libcurl's own global state; made once, before the first handle.
    private static let isCurlReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(configuration: Transport.Configuration) {
        self.configuration = configuration
        multi = Self.isCurlReady ? curl_multi_init() : nil
        watch = SocketWatch()
        mailbox = Mutex(Mailbox(isStopping: multi == nil || watch == nil))
        watch?.attach(to: multi)
    }

    deinit {
        for easy in idleHandles { curl_easy_cleanup(easy) }
        curl_multi_cleanup(multi)
    }

    // MARK: From any thread

    private struct Mailbox {
        var submitted: [Transfer] = []
        var hasCancelled = false
        var isStopping = false

        /// Nobody need be woken for what is added to what is there already.
        var isEmpty: Bool { submitted.isEmpty && !hasCancelled }
    }

    func submit(_ transfer: Transfer) {
        let (isAccepted, isFirst) = mailbox.withLock { mailbox in
            guard !mailbox.isStopping else { return (false, false) }
            defer { mailbox.submitted.append(transfer) }
            return (true, mailbox.isEmpty)
        }
        if isFirst { watch?.wake() }
        if !isAccepted { transfer.finish(.failure(TransportFailure(.cancelled, "shut down"))) }
    }

    /// Has the transfers ended whose `cancel()` was called.
    func sweepCancelled() {
        mailbox.withLock { $0.hasCancelled = true }
        watch?.wake()
    }

    func stop() {
        mailbox.withLock { $0.isStopping = true }
        watch?.wake()
    }

    // MARK: On the transport's thread

    /// Returns after `stop()`.
    func run() {
        while true {
            let mail = mailbox.withLock { mailbox in
                defer { mailbox = Mailbox(isStopping: mailbox.isStopping) }
                return mailbox
            }
            for transfer in mail.submitted { enqueue(transfer) }
            if mail.isStopping { break }
            if mail.hasCancelled { endCancelled() }
            endOverdue()
            turnOver()
            if active.isEmpty, queue.isEmpty { nextDeadline = nil }
            for (socket, readiness) in watch?.wait(until: nextDeadline) ?? [] {
                act(on: socket, readiness)
                // What ends makes room, which should not wait for all that has come beside it.
                turnOver()
            }
        }
        let stopped = TransportFailure(.cancelled, "shut down")
        for transfer in queue.removeAll(where: { _ in true }) { transfer.finish(.failure(stopped)) }
        for (easy, transfer) in active { end(transfer, easy, .failure(stopped)) }
    }

    private func act(on socket: Int32, _ readiness: Int32 = 0) {
        var runningCount: Int32 = 0
        curl_multi_socket_action(multi, socket, readiness, &runningCount)
    }

    /// Starts what there is room for, has libcurl do what is due, and ends what it is done with.
    private func turnOver() {
        repeat {
            startQueued()
            if watch?.takeTimer() ?? false { act(on: CURL_SOCKET_TIMEOUT) }
        } while endFinished() && !queue.isEmpty
    }

    private func enqueue(_ transfer: Transfer) {
        // Cancelled before it came here, so that no sweep will find it.
        guard !transfer.isCancelled else {
            transfer.finish(.failure(TransportFailure(.cancelled, "cancelled")))
            return
        }
        guard queue.append(transfer) else {
            transfer.finish(.failure(TransportFailure(.overloaded, "too many calls wait")))
            return
        }
        heed(transfer.deadline)
    }

    private func heed(_ deadline: ContinuousClock.Instant) {
        nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline
    }

    private func startQueued() {
        while let transfer = queue.popNext(under: load) {
            guard let easy = idleHandles.popLast() ?? curl_easy_init() else {
                transfer.finish(.failure(TransportFailure(.overloaded, "out of memory")))
                continue
            }
            transfer.configure(easy, configuration)
            heed(transfer.deadline)
            active[easy] = transfer
            load.add(transfer, 1)
            let code = curl_multi_add_handle(multi, easy)
            if code != CURLM_OK {
                end(transfer, easy, .failure(TransportFailure(.overloaded, String(cString: curl_multi_strerror(code)))))
            }
        }
    }

    /// Ends what libcurl is done with; tells whether there was any.
    private func endFinished() -> Bool {
        var hasEnded = false
        var messageCount: Int32 = 0
        while let message = curl_multi_info_read(multi, &messageCount)?.pointee {
            guard message.msg == CURLMSG_DONE, let easy = message.easy_handle, let transfer = active[easy] else {
                continue
            }
            hasEnded = true
            end(transfer, easy, transfer.result(easy, message.data.result))
        }
        return hasEnded
    }

    private func endCancelled() {
        let cancelled = TransportFailure(.cancelled, "cancelled")
        for transfer in queue.removeAll(where: \.isCancelled) { transfer.finish(.failure(cancelled)) }
        for (easy, transfer) in active where transfer.isCancelled { end(transfer, easy, .failure(cancelled)) }
    }

    private func endOverdue() {
        let now = ContinuousClock.now
        guard let nextDeadline, nextDeadline <= now else { return }
        for transfer in queue.removeAll(where: { $0.deadline <= now }) { transfer.finish(.failure(transfer.overdue)) }
        for (easy, transfer) in active where transfer.deadline <= now {
            end(transfer, easy, .failure(transfer.overdue))
        }
        self.nextDeadline = [active.values.lazy.map(\.deadline).min(), queue.nextDeadline].compactMap(\.self).min()
    }

    private func end(
        _ transfer: Transfer,
        _ easy: UnsafeMutableRawPointer,
        _ result: Result<HTTPResponse, TransportFailure>
    ) {
        curl_multi_remove_handle(multi, easy)
        active[easy] = nil
        load.add(transfer, -1)
        transfer.release()
        // One that was ended in the middle may still have a resolver's thread; one for downloads has large buffers.
        if case .success = result, !transfer.isStreamed, idleHandles.count < Self.idleHandleBound {
            curl_easy_reset(easy)
            idleHandles.append(easy)
        } else {
            curl_easy_cleanup(easy)
        }
        transfer.finish(result)
    }
}

/// Transfers that wait for their turn: interactive ones first, in order of arrival.
struct TransferQueue {
    /// Transfers under way.
    struct Load {
        var count = 0
        /// Of which downloads.
        var streamCount = 0
        /// Of which those that nobody waits for.
        var backgroundCount = 0

        mutating func add(_ transfer: Transfer, _ number: Int) {
            count += number
            if transfer.isStreamed { streamCount += number }
            if transfer.request.priority == .background { backgroundCount += number }
        }
    }

    private var interactive: [Transfer] = []
    private var background: [Transfer] = []

    /// Transfers under way at a time. Some servers stop at 100 streams on a connection; beyond a few dozen the
    /// rate limit of 1,000 a minute decides, not latency.
    static let activeBound = 80
    /// Of which those that nobody waits for: the others always find a place.
    static let activeBackgroundBound = 64
    /// Of which downloads, which may take as long as they like, so that they never keep texts waiting.
    static let activeStreamBound = 32
    /// More would only time out here.
    static let waitingBound = 4096

    var isEmpty: Bool { interactive.isEmpty && background.isEmpty }

    var nextDeadline: ContinuousClock.Instant? {
        [interactive, background].lazy.joined().map(\.deadline).min()
    }

    /// False where too many wait.
    mutating func append(_ transfer: Transfer) -> Bool {
        guard interactive.count + background.count < Self.waitingBound else { return false }
        switch transfer.request.priority {
        case .interactive: interactive.append(transfer)
        case .background: background.append(transfer)
        }
        return true
    }

    mutating func popNext(under load: Load) -> Transfer? {
        guard load.count < Self.activeBound else { return nil }
        let mayStart = { (transfer: Transfer) in !transfer.isStreamed || load.streamCount < Self.activeStreamBound }
        if let index = interactive.firstIndex(where: mayStart) { return interactive.remove(at: index) }
        guard load.backgroundCount < Self.activeBackgroundBound else { return nil }
        if let index = background.firstIndex(where: mayStart) { return background.remove(at: index) }
        return nil
    }

    /// Removes and returns those for which `condition` holds. Asks once for each: the answer may change meanwhile, as
    /// any thread may cancel a transfer.
    mutating func removeAll(where condition: (Transfer) -> Bool) -> [Transfer] {
        var removed: [Transfer] = []
        let shouldRemove = { (transfer: Transfer) in
            guard condition(transfer) else { return false }
            removed.append(transfer)
            return true
        }
        interactive.removeAll(where: shouldRemove)
        background.removeAll(where: shouldRemove)
        return removed
    }
}
