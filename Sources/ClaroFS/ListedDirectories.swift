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
        var timer: Task<Void, Never>?
        /// When the timer ends.
        var due: ContinuousClock.Instant?

        /// The directories whose time is over at `now`.
        mutating func takeExpired(at now: ContinuousClock.Instant) -> [InodeNumber] {
            let expired = listed.filter { $0.value.expiry <= now }
            for (inode, entry) in expired {
                // What was answered a moment ago may reach the kernel's pages only after it was told to drop them.
                let settled = entry.at + ListedDirectories.settlingTime
                listed[inode] = settled <= now ? nil : Listed(at: entry.at, expiry: settled)
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
        let now = ContinuousClock.now
        state.withLock { state in
            state.listed[inode] = Listed(at: now, expiry: now + lifetime)
            schedule(by: now + lifetime, &state)
        }
    }

    /// Names in these directories are not true any more.
    func expire(_ inodes: [InodeNumber]) {
        invalidations.send(inodes.map { .contents($0) })
        let now = ContinuousClock.now
        state.withLock { state in
            for inode in inodes { state.listed[inode] = Listed(at: now, expiry: now + Self.settlingTime) }
            schedule(by: now + Self.settlingTime, &state)
        }
    }

    /// Has the timer end at `next`, if it would end later.
    private func schedule(by next: ContinuousClock.Instant, _ state: inout State) {
        guard state.due.map({ next < $0 }) ?? true else { return }
        state.timer?.cancel()
        state.due = next
        state.timer = Task {
            guard (try? await Task.sleep(until: next, clock: .continuous)) != nil else { return }
            fire()
        }
    }

    private func fire() {
        let expired = state.withLock { state in
            let expired = state.takeExpired(at: .now)
            (state.timer, state.due) = (nil, nil)
            if let next = state.listed.values.map(\.expiry).min() { schedule(by: next, &state) }
            return expired
        }
        invalidations.send(expired.map { .contents($0) })
    }
}
