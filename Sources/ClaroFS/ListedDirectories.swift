import FUSE
import Synchronization

/// Directories whose names the kernel keeps although they may change.
///
/// With OPENDIR answered by ENOSYS the kernel serves a directory that it has read from its own pages, until it is told
/// to forget them. Asking for attributes is no occasion to renew anything, because walking through a directory does that
/// as well. So when the time of what was listed is over, the kernel is told: the next `ls` then asks. One timer runs
/// while something is listed, none otherwise.
final class ListedDirectories: Sendable {
    private struct Listed {
        let at: ContinuousClock.Instant
        var expiry: ContinuousClock.Instant
    }

    private struct State {
        var listed: [InodeNumber: Listed] = [:]
        var isTimerRunning = false

        /// The directories whose time is over at `now`.
        mutating func takeExpired(at now: ContinuousClock.Instant) -> [InodeNumber] {
            let expired = listed.filter { $0.value.expiry <= now }
            for (inode, entry) in expired {
                // What was answered a moment ago may reach the kernel's pages only after it was told to drop them.
                let isSettled = now - entry.at >= ListedDirectories.settlingTime
                listed[inode] =
                    isSettled ? nil : Listed(at: entry.at, expiry: entry.at + ListedDirectories.settlingTime)
            }
            return Array(expired.keys)
        }
    }

    /// Between an answer and its arrival in the kernel's pages are microseconds; this is for a program that was stopped
    /// there.
    private static let settlingTime: Duration = .seconds(1)

    private let invalidations: Invalidations
    private let state = Mutex(State())

    init(_ invalidations: Invalidations) { self.invalidations = invalidations }

    /// The kernel has been given the names in a directory, which are true for `lifetime`.
    func listed(_ inode: InodeNumber, for lifetime: Duration) {
        let startsTimer = state.withLock { state in
            let now = ContinuousClock.now
            state.listed[inode] = Listed(at: now, expiry: now + lifetime)
            defer { state.isTimerRunning = true }
            return !state.isTimerRunning
        }
        if startsTimer {
            Task { await run() }
        }
    }

    private func run() async {
        while true {
            let next: ContinuousClock.Instant? = state.withLock { state in
                guard let next = state.listed.values.map(\.expiry).min() else {
                    state.isTimerRunning = false
                    return nil
                }
                return next
            }
            guard let next else { return }
            try? await Task.sleep(until: next, clock: .continuous)
            let expired = state.withLock { $0.takeExpired(at: .now) }
            invalidations.send(expired.map { .contents($0) })
        }
    }
}
