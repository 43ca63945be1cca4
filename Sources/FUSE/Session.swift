import CFUSE
import Glibc
import Synchronization
import SystemPackage

/// One mount: the connection to the kernel, and the threads that read its requests.
///
/// `make` and `mount`, then `start`; in the end `unmount` (unless somebody else did it) and `waitForEnd`.
///
/// `@unchecked Sendable`: the pointer is libfuse's session, whose functions used here may be called from any thread.
package final class Session: @unchecked Sendable {
    /// What the mount is, for the kernel and in the mount table.
    package struct Options: Sendable {
        /// The mount's source, the first column of `/proc/mounts`.
        package var source: String
        /// `fuse.` and this is the type in `/proc/mounts`.
        package var subtype: String
        /// Whether other users than the one who mounts may look in, as far as modes let them.
        package var allowsOthers = false
        /// Whether programs in the mount may be started.
        package var allowsExecution = true
        /// Whether extended attributes are asked for. Each `ls -l` then costs three requests a file.
        package var hasExtendedAttributes = false
        /// Threads that read requests. They answer what is in memory, and wait for nothing slower than the local disk.
        package var workerCount = 4

        package init(source: String, subtype: String) {
            self.source = source
            self.subtype = subtype
        }

        /// As libfuse takes them after `-o`, where comma and backslash in a value are escaped.
        var list: String {
            let source = source.flatMap { $0 == "," || $0 == "\\" ? ["\\", $0] : [$0] }
            var options = ["ro", "nosuid", "nodev", "default_permissions"]
            if allowsOthers { options.append("allow_other") }
            if !allowsExecution { options.append("noexec") }
            return (options + ["subtype=\(subtype)", "fsname=\(String(source))"]).joined(separator: ",")
        }
    }

    private let options: Options
    private let dispatcher: Dispatcher
    private let pages: PagePusher
    private let invalidations: Invalidations
    /// Counts requests where they are read.
    private let requestCounts: RequestCounts
    private let native: OpaquePointer
    private let threads = Mutex<[Thread]>([])

    /// - Throws: EINVAL where libfuse refuses the options.
    package init(
        _ options: Options,
        fileSystem: any FileSystem,
        invalidations: Invalidations,
        requestCounts: RequestCounts
    ) throws(Errno) {
        self.options = options
        self.invalidations = invalidations
        self.requestCounts = requestCounts
        pages = PagePusher(workerCount: options.workerCount)
        dispatcher = Dispatcher(fileSystem, invalidations, pages)
        LibraryLog.shared.install()
        var operations = Dispatcher.operations
        let context = Unmanaged.passUnretained(dispatcher).toOpaque()
        let session = cfuse_session_make(options.list, &operations, options.hasExtendedAttributes, context)
        guard let session else { throw .invalidArgument }
        native = session
    }

    deinit { cfuse_session_destroy(native) }

    /// Mounts on an existing directory, by mount(2) or, for an ordinary user, by fusermount3.
    ///
    /// - Throws: what libfuse says; fusermount3 writes its reason to standard error itself.
    package func mount(at path: String) throws(MountError) {
        let mounted = cfuse_session_mount(native, path)
        guard mounted == 0 else { throw MountError(reason: LibraryLog.shared.takeLast()) }
    }

    /// Why a mount could not be made, as far as libfuse tells.
    package struct MountError: Error {
        package let reason: String?
    }

    /// Begins to answer. `onEnd` is called on one of the session's threads when the mount is gone, however it went.
    package func start(onEnd: @escaping @Sendable () -> Void) {
        invalidations.start(native)
        pages.start(native)
        let running = Counter(options.workerCount)
        threads.withLock { threads in
            for _ in 0..<options.workerCount {
                threads.append(
                    Thread {
                        self.serve()
                        if running.decrement() == 0 { onEnd() }
                    }
                )
            }
        }
    }

    /// Takes the mount down, lazily if it is in use. Callers that wait get EINTR.
    package func unmount(at path: String) {
        dispatcher.cancelSuspended()
        if umount2(path, Int32(MNT_DETACH)) != 0 { runFusermount(unmounting: path) }
    }

    /// Returns when the last request is answered; the device is closed then.
    package func waitForEnd() {
        for thread in threads.withLock({ $0 }) { thread.join() }
        dispatcher.cancelSuspended()
        dispatcher.waitUntilAnswered()
        invalidations.stop()
        cfuse_session_unmount(native)
    }

    /// How many requests wait for something slow.
    package var suspendedCount: Int { dispatcher.suspendedCount }

    private func serve() {
        guard let message = cfuse_message_make() else { return }
        defer { cfuse_message_free(message) }
        while true {
            let received = cfuse_receive(native, message)
            if received == -EINTR || received == -EAGAIN { continue }
            guard received > 0 else { return }
            requestCounts.count(cfuse_message_opcode(message))
            cfuse_process(native, message)
        }
    }

    private func runFusermount(unmounting path: String) {
        var process = pid_t()
        let words = ["fusermount3", "-u", "-z", "-q", "--", path]
        let arguments = words.map { word in strdup(word) } + [nil]
        defer { arguments.forEach { free($0) } }
        guard posix_spawnp(&process, "fusermount3", nil, nil, arguments, environ) == 0 else { return }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    }
}

/// Counts down across threads.
private final class Counter: Sendable {
    private let value: Mutex<Int>

    init(_ value: Int) { self.value = Mutex(value) }

    func decrement() -> Int {
        value.withLock { value in
            value -= 1
            return value
        }
    }
}
