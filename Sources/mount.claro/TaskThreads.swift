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
    static let shared = TaskThreads()

    /// Jobs may wait for the store's disk, so a few more threads than there are processors. With more still, a walk through a
    /// library takes as long and costs more time of the processors; so there are more only where all are stuck in something.
    private let jobs = JobQueue(usualThreadCount: 2 + sysconf(Int32(_SC_NPROCESSORS_ONLN)), threadBound: 64)
    /// What nobody waits for gets what time of the processors the rest leaves.
    private let backgroundJobs = JobQueue(usualThreadCount: 1, threadBound: 1, niceness: 10)
    private let sleepers = Mutex(SleeperQueue<UnownedJob>())
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
        let isRunning = Thread.runDetached { self.wakeSleepers() }
        precondition(isRunning, "a thread cannot be made")
    }

    /// Threads that there are for what somebody waits for.
    var threadCount: Int { jobs.currentThreadCount }

    func enqueue(_ job: consuming ExecutorJob) { enqueue(UnownedJob(job)) }

    func enqueue(_ job: UnownedJob) {
        if job.priority < JobPriority(.medium) { backgroundJobs.add(job) } else { jobs.add(job) }
    }

    // MARK: Sleep

    func enqueue<C: Clock>(_ job: consuming ExecutorJob, at instant: C.Instant, tolerance: C.Duration?, clock: C) {
        // The clocks that come here are the runtime's own, which all measure so.
        let delay = clock.now.duration(to: instant) as? Duration ?? .zero
        let wakesAt = ContinuousClock.now + delay
        let job = UnownedJob(job)
        sleepers.withLock { sleepers in
            if sleepers.add(job, wakesAt: wakesAt) { setTimer(to: wakesAt) }
        }
    }

    private func wakeSleepers() {
        var expirationCount: UInt64 = 0
        while true {
            read(timer, &expirationCount, MemoryLayout.size(ofValue: expirationCount))
            let due = sleepers.withLock { sleepers in
                let due = sleepers.takeDue(at: .now)
                if let next = sleepers.next { setTimer(to: next) }
                return due
            }
            for job in due { enqueue(job) }
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

/// Jobs that wait for a thread, in the order in which they came, and the threads that run them.
private final class JobQueue: Sendable {
    private struct State {
        var jobs: ArraySlice<(job: UnownedJob, addedAt: ContinuousClock.Instant)> = []
        var threadCount = 0
        var busyCount = 0
    }

    /// Where a job has waited for so long, all threads are stuck in something: there are more then, up to the bound, until nothing
    /// waits any more.
    private static let patience: Duration = .seconds(1)

    private let usualThreadCount: Int
    private let threadBound: Int
    /// As setpriority(2) has it.
    private let niceness: Int32
    private let state = Mutex(State())
    /// Counts jobs that no thread has taken yet.
    private let available = DispatchSemaphore(value: 0)

    init(usualThreadCount: Int, threadBound: Int, niceness: Int32 = 0) {
        self.usualThreadCount = usualThreadCount
        self.threadBound = threadBound
        self.niceness = niceness
    }

    var currentThreadCount: Int { state.withLock { $0.threadCount } }

    func add(_ job: UnownedJob) {
        let now = ContinuousClock.now
        let needsThread = state.withLock { state in
            state.jobs.append((job, now))
            guard state.jobs.count > state.threadCount - state.busyCount else { return false }
            let isStuck = now - (state.jobs.first?.addedAt ?? now) > Self.patience
            guard state.threadCount < (isStuck ? threadBound : usualThreadCount) else { return false }
            state.threadCount += 1
            return true
        }
        available.signal()
        guard needsThread, !Thread.runDetached({ self.work() }) else { return }
        // The others go on, and the next job has another try.
        let remainingCount = state.withLock { state in
            state.threadCount -= 1
            return state.threadCount
        }
        precondition(remainingCount > 0, "not one thread can be made")
    }

    private func work() {
        // Of this thread, on Linux.
        if niceness != 0 { setpriority(Int32(PRIO_PROCESS.rawValue), 0, niceness) }
        while true {
            available.wait()
            let next = state.withLock { state in
                state.busyCount += 1
                return state.jobs.popFirst()
            }
            next?.job.runSynchronously(on: TaskThreads.shared.asUnownedTaskExecutor())
            let isSurplus = state.withLock { state in
                state.busyCount -= 1
                guard state.threadCount > usualThreadCount, state.jobs.isEmpty else { return false }
                state.threadCount -= 1
                return true
            }
            if isSurplus { return }
        }
    }
}
