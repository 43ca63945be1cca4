import FUSE
import Synchronization

/// Directories whose names the kernel keeps although they may change.
///
/// With OPENDIR answered by ENOSYS the kernel serves a directory that it has read from its own pages, until it is told
/// to forget them. Asking for attributes is no occasion to renew anything, because walking through a directory does that
/// as well. So when the time of what was listed is over, the kernel is told: the next `ls` then asks. One timer runs
/// while something is listed, none otherwise.
final class ListedDirectories: Sendable {
    private struct State {
        var expiries: [InodeNumber: ContinuousClock.Instant] = [:]
        var isTimerRunning = false
    }

    private let invalidations: Invalidations
    private let state = Mutex(State())

    init(_ invalidations: Invalidations) { self.invalidations = invalidations }

    /// The kernel has been given the names in a directory, which are true for `lifetime`.
    func listed(_ inode: InodeNumber, for lifetime: Duration) {
        let startsTimer = state.withLock { state in
            state.expiries[inode] = .now + lifetime
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
                guard let next = state.expiries.values.min() else {
                    state.isTimerRunning = false
                    return nil
                }
                return next
            }
            guard let next else { return }
            try? await Task.sleep(until: next, clock: .continuous)
            let now = ContinuousClock.now
            let expired = state.withLock { state in
                let expired = state.expiries.filter { $0.value <= now }.map(\.key)
                for inode in expired { state.expiries[inode] = nil }
                return expired
            }
            invalidations.send(expired.map { .contents($0) })
        }
    }
}
