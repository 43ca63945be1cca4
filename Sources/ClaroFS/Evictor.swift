import FUSE
import Synchronization

/// Keeps what is on disk within its bounds: what was used longest ago goes, attachments before texts.
///
/// What is open never goes. The kernel does not tell what is (it opens by itself, see `Dispatcher.operations`), but it can
/// be asked to let go: when a name is made invalid, it forgets the inode at once if nobody has it open or mapped, and else
/// when the last one closes it. So an attachment that the kernel holds is evicted when it was forgotten, and until then
/// stays. Nobody waits for that: room is made in the background, and the bounds may be exceeded meanwhile. Texts that are
/// open stay in memory.
final class Evictor: Sendable {
    /// What can be done with an attachment.
    enum Standing {
        case idle
        /// The kernel is asked to forget it, and has not had the time.
        case leaving
        /// It is open, or being read.
        case inUse
    }

    private struct State {
        var pass = Pass.none
        /// Attachments that the kernel was asked to let go, and when it was first.
        var asked: [BlobName: ContinuousClock.Instant] = [:]
        var isWaiting = false
        var hasCounted = false
        var hasRemovedOrphans = false
        var isMounted = true
        /// Bytes that were free below the bounds at the last look, and that have come since.
        var room: Int64 = 0
        var growth: Int64 = 0

        /// Whether `flag` was not set; sets it.
        mutating func isFirst(_ flag: WritableKeyPath<State, Bool>) -> Bool {
            defer { self[keyPath: flag] = true }
            return !self[keyPath: flag]
        }
    }

    private enum Pass {
        case none, running
        /// Running, and something has changed since it began.
        case runningAgain
    }

    /// The kernel forgets within microseconds what nobody has open; this is for one that is busy.
    private static let patience: Duration = .seconds(1)
    /// Other mounts fill the same cache.
    private static let sharerBound: Int64 = 16

    private let library: Library
    private let blobs: BlobTable
    private let inodes: InodeTable
    private let database: CacheDatabase?
    private let invalidations: Invalidations
    private let directory: CacheDirectory
    private let byteBound: Int64
    /// Bytes to leave free on the disk.
    private let minimumFree: Int64
    private let state = Mutex(State())

    init(
        library: Library,
        blobs: BlobTable,
        inodes: InodeTable,
        database: CacheDatabase?,
        invalidations: Invalidations,
        directory: CacheDirectory,
        byteBound: Int64,
        minimumFree: Int64
    ) {
        self.library = library
        self.blobs = blobs
        self.inodes = inodes
        self.database = database
        self.invalidations = invalidations
        self.directory = directory
        self.byteBound = byteBound
        self.minimumFree = minimumFree
        database?.onGrowth { [weak self] in self?.check(grownBy: $0) }
    }

    /// Bytes on disk.
    var usage: CacheUsage { database?.usage ?? CacheUsage(attachments: blobs.byteCount, texts: 0) }

    /// Makes room where the last mount was ended with too little, or had wider bounds; returns at once. Where there is enough,
    /// nothing is counted: that would go through all that is stored.
    func start() {
        if bounds.excess(of: usage) > 0 { run() }
    }

    /// Makes room if there is too little. To be called when something has come; returns at once.
    func check() {
        let excess = bounds.excess(of: usage)
        let hasCounted = state.withLock { state in
            state.room = max(0, -excess)
            state.growth = 0
            return state.hasCounted
        }
        if !hasCounted || excess > 0 { run() }
    }

    /// The same, where it is known how much has come: how much there is in all need not be asked each time.
    private func check(grownBy byteCount: Int64) {
        let isDue = state.withLock { state in
            state.growth += byteCount
            return state.growth >= state.room / Self.sharerBound
        }
        if isDue || bounds.shortage > 0 { check() }
    }

    /// The kernel has forgotten an inode of an attachment.
    func forgotten(_ name: BlobName) {
        guard inodes.names(ofAttachment: name).isEmpty else { return }
        let wasAsked = state.withLock { $0.asked.removeValue(forKey: name) != nil }
        if wasAsked { run() }
    }

    /// The mount is gone: nothing is open any more.
    func finish() {
        state.withLock { $0.isMounted = false }
        makeRoom()
    }

    // MARK: Making room

    /// One pass at a time, in the background.
    private func run() {
        let isFirst = state.withLock { state in
            defer { state.pass = state.pass == .none ? .running : .runningAgain }
            return state.pass == .none
        }
        guard isFirst else { return }
        Task {
            repeat { makeRoom() } while goesOn()
        }
    }

    /// Ends a pass; true: something has changed since it began.
    private func goesOn() -> Bool {
        state.withLock { state in
            state.pass = state.pass == .runningAgain ? .running : .none
            return state.pass == .running
        }
    }

    private func makeRoom() {
        // After damage a count may be wrong: it must neither empty the cache nor leave it without bounds.
        if state.withLock({ $0.isFirst(\.hasCounted) }) { database?.recountUsage() }
        guard bounds.excess(of: usage) > 0 else { return }
        evictUnkept()
        guard let database else { return }
        if state.withLock({ $0.isFirst(\.hasRemovedOrphans) }) { database.removeOrphans() }
        database.flushUses()
        blobs.remove(database.evict(to: bounds, standing: standing, losing: library.letGo))
    }

    private var bounds: CacheBounds {
        CacheBounds(byteCount: byteBound, shortage: minimumFree - directory.freeByteCount)
    }

    /// Lets go of files that have no name: of all where nothing is kept, else of those for which there was no room.
    private func evictUnkept() {
        var missing = bounds.excess(of: usage)
        for (name, blob) in blobs.byLastUse where missing > 0 && (database == nil || !blob.isKept) {
            let standing = standing(of: name)
            guard standing != .inUse else { continue }
            missing -= blob.storedByteCount
            if standing == .idle { blobs.remove([name]) }
        }
    }

    private func standing(of name: BlobName) -> Standing {
        guard !blobs.isInUse(name) else { return .inUse }
        let names = state.withLock({ $0.isMounted }) ? inodes.names(ofAttachment: name) : []
        guard !names.isEmpty else {
            state.withLock { $0.asked[name] = nil }
            return .idle
        }
        invalidations.send(names)
        let now = ContinuousClock.now
        let standing = state.withLock { state in
            let first = state.asked[name] ?? now
            state.asked[name] = first
            return now < first + Self.patience ? Standing.leaving : .inUse
        }
        if standing == .leaving { checkLater() }
        return standing
    }

    /// Looks again at what the kernel was asked for: if it has kept that, others have to go.
    private func checkLater() {
        guard state.withLock({ $0.isFirst(\.isWaiting) }) else { return }
        Task {
            try? await Task.sleep(for: Self.patience)
            state.withLock { $0.isWaiting = false }
            check()
        }
    }
}
