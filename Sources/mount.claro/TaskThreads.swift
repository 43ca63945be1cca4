import CLinux
import Dispatch
import FUSE
import Glibc
import Synchronization
@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency

/// The threads that run this process's tasks, and wake those that sleep.
///
/// By default libdispatch's do, which then looks at them once a second for as long as the process lives
/// (`_dispatch_workq_monitor_pools` in its workqueue.c): a mount that nobody uses would wake a processor for nothing. These sleep
/// until there is something to do.
///
/// What puts them in the place of the others is SPI in Swift 6.3. It is used in this file only; without it everything works,
/// with that one wake-up a second.
final class TaskThreads: TaskExecutor, SchedulingExecutor {
    private static let shared = TaskThreads()

    private let state = Mutex(State())
    /// Counts jobs that no thread has taken yet.
    private let available = DispatchSemaphore(value: 0)
    /// Expires when the first sleeper is due. By this clock, as by `ContinuousClock`, a machine's sleep counts.
    private let timer = timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC))

    /// Has all tasks run here. Before the first one.
    static func install() { _createExecutors(factory: Factory.self) }

    private struct Factory: ExecutorFactory {
        static var mainExecutor: any MainExecutor { PlatformExecutorFactory.mainExecutor }
        static var defaultExecutor: any TaskExecutor { shared }
    }

    private init() {
        precondition(timer >= 0, "a timer cannot be made: errno \(errno)")
        Thread { self.wakeSleepers() }
    }

    // MARK: Jobs

    func enqueue(_ job: consuming ExecutorJob) { enqueue(UnownedJob(job)) }

    func enqueue(_ job: UnownedJob) {
        let needsThread = state.withLock { $0.add(job, at: .now) }
        available.signal()
        if needsThread { Thread { self.work() } }
    }

    private func work() {
        while true {
            available.wait()
            state.withLock { $0.takeNext() }?.runSynchronously(on: asUnownedTaskExecutor())
            state.withLock { $0.busyCount -= 1 }
        }
    }

    // MARK: Sleep

    func enqueue<C: Clock>(_ job: consuming ExecutorJob, at instant: C.Instant, tolerance: C.Duration?, clock: C) {
        // The clocks that come here are the runtime's own, which all measure so.
        let delay = clock.now.duration(to: instant) as? Duration ?? .zero
        let sleeper = State.Sleeper(job: UnownedJob(job), wakesAt: .now + delay)
        state.withLock { state in
            if state.add(sleeper) { setTimer(to: sleeper.wakesAt) }
        }
    }

    private func wakeSleepers() {
        var expirationCount: UInt64 = 0
        while true {
            read(timer, &expirationCount, MemoryLayout.size(ofValue: expirationCount))
            let due = state.withLock { state in
                let due = state.takeDue(at: .now)
                if let next = state.sleepers.first { setTimer(to: next.wakesAt) }
                return due
            }
            for sleeper in due { enqueue(sleeper.job) }
        }
    }

    private func setTimer(to instant: ContinuousClock.Instant) {
        // Zero would disarm it.
        let delay = max(.nanoseconds(1), instant - .now).components
        let time = timespec(tv_sec: Int(delay.seconds), tv_nsec: Int(delay.attoseconds / 1_000_000_000))
        var setting = itimerspec(it_interval: timespec(), it_value: time)
        timerfd_settime(timer, 0, &setting, nil)
    }
}

extension TaskThreads {
    fileprivate struct State {
        struct Sleeper {
            let job: UnownedJob
            let wakesAt: ContinuousClock.Instant
        }

        private var jobs: ArraySlice<(job: UnownedJob, addedAt: ContinuousClock.Instant)> = []
        /// Those that come after all others.
        private var backgroundJobs: ArraySlice<UnownedJob> = []
        private var threadCount = 0
        var busyCount = 0
        /// In the order in which they wake.
        private(set) var sleepers: ArraySlice<Sleeper> = []

        /// Jobs may wait for the store's disk, so a few more than there are processors. With more still, a walk through a library
        /// takes as long and costs more time of the processors.
        private static let usualThreadCount = 2 + sysconf(Int32(_SC_NPROCESSORS_ONLN))
        /// Where jobs have waited for so long, all threads are stuck in something: there are more then, up to the bound. They stay.
        private static let patience: Duration = .milliseconds(100)
        private static let threadBound = 64

        /// Returns whether it needs a new thread.
        mutating func add(_ job: UnownedJob, at now: ContinuousClock.Instant) -> Bool {
            if job.priority < JobPriority(.medium) { backgroundJobs.append(job) } else { jobs.append((job, now)) }
            guard jobs.count + backgroundJobs.count > threadCount - busyCount else { return false }
            let isStuck = jobs.first.map { now - $0.addedAt > Self.patience } ?? false
            guard threadCount < (isStuck ? Self.threadBound : Self.usualThreadCount) else { return false }
            threadCount += 1
            return true
        }

        /// The next job, for a thread that is busy from then on.
        mutating func takeNext() -> UnownedJob? {
            busyCount += 1
            return jobs.popFirst()?.job ?? backgroundJobs.popFirst()
        }

        /// Returns whether it is the first to wake.
        mutating func add(_ sleeper: Sleeper) -> Bool {
            // Most sleep as long as the one before them.
            let index = sleepers.lastIndex { $0.wakesAt <= sleeper.wakesAt }.map { $0 + 1 } ?? sleepers.startIndex
            sleepers.insert(sleeper, at: index)
            return index == sleepers.startIndex
        }

        mutating func takeDue(at now: ContinuousClock.Instant) -> ArraySlice<Sleeper> {
            let due = sleepers.prefix { $0.wakesAt <= now }
            sleepers.removeFirst(due.count)
            return due
        }
    }
}
