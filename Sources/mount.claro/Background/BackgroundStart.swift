import ClaroCommand
import Glibc
import SystemPackage

/// Starts this program once more, and waits until the mount is usable or has failed.
///
/// Not fork(2): a copy of a process that has used Swift's concurrency hangs. The child gets the same arguments, the
/// same environment (which is copied, never read: the key may be in it) and a pipe in which it says that it is ready.
enum BackgroundStart {
    /// Marks the child. Its value has no meaning.
    static let variable = "MOUNT_CLARO_READINESS"
    /// Where the child finds its end of the pipe.
    static let descriptor: Int32 = 3

    /// What the child gets after SIGTERM before it is killed: the time of an unmount, generously.
    private static let longestEnd: Duration = .seconds(10)

    /// To be called while this process has one thread: it blocks signals, to take them one by one.
    ///
    /// - Parameter arguments: The whole command line, with the program's name.
    /// - Returns: 0 once the mount is usable, else the child's exit code, after its end.
    /// - Throws: `MountFailure` where the child could not be started or was killed.
    static func run(arguments: [String]) throws(MountFailure) -> Int32 {
        var signals = sigset_t()
        var inherited = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGIO] { sigaddset(&signals, signal) }
        sigprocmask(SIG_BLOCK, &signals, &inherited)
        defer {
            // Ignoring a signal also discards the one that is pending, whose default action would end this process.
            signal(SIGIO, SIG_IGN)
            sigprocmask(SIG_SETMASK, &inherited, nil)
        }

        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .notStarted(errno) }
        let (reader, writer) = (ends[0], ends[1])
        defer { close(reader) }
        // Whatever happens to the pipe is told by SIGIO, so that one wait covers it and the signals.
        _ = fcntl(reader, F_SETFD, FD_CLOEXEC)
        _ = fcntl(reader, F_SETOWN, getpid())
        _ = fcntl(reader, F_SETFL, O_NONBLOCK | O_ASYNC)
        let spawned = Result { () throws(MountFailure) in
            try spawn(arguments, pipe: writer, signalMask: inherited)
        }
        close(writer)
        return try wait(for: spawned.get(), pipe: reader, signals: &signals)
    }

    private static func spawn(
        _ arguments: [String],
        pipe: Int32,
        signalMask: sigset_t
    ) throws(MountFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipe, descriptor)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = signalMask
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        let mark = strdup("\(variable)=1")
        defer {
            argv.forEach { free($0) }
            free(mark)
        }
        var environment: [UnsafeMutablePointer<CChar>?] = []
        var next = environ
        while let text = next.pointee {
            environment.append(text)
            next += 1
        }
        environment += [mark, nil]
        var child = pid_t()
        let error = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, &argv, &environment)
        guard error == 0 else { throw .notStarted(error) }
        return child
    }

    private static func wait(
        for child: pid_t,
        pipe: Int32,
        signals: inout sigset_t
    ) throws(MountFailure) -> Int32 {
        var isInterrupted = false
        while true {
            var timeout = timespec(tv_sec: Int(longestEnd.components.seconds), tv_nsec: 0)
            let signal = isInterrupted ? sigtimedwait(&signals, nil, &timeout) : sigwaitinfo(&signals, nil)
            switch signal {
            case SIGINT, SIGTERM, SIGHUP, SIGQUIT:
                // Ctrl-C reaches the child, too; a signal to this process alone does not. Twice is meant.
                kill(child, isInterrupted ? SIGKILL : SIGTERM)
                isInterrupted = true
            case -1 where errno == EAGAIN:
                kill(child, SIGKILL)
            default:
                break
            }
            var byte: UInt8 = 0
            if read(pipe, &byte, 1) == 1 && !isInterrupted { return MountExitCode.success.rawValue }
            var status: Int32 = 0
            guard waitpid(child, &status, WNOHANG) == child else { continue }
            return isInterrupted ? MountExitCode.interrupted.rawValue : try exitCode(ChildStatus(status))
        }
    }

    /// What the end of a child means that never said that it was ready. It has told the reason itself, unless it was
    /// killed.
    private static func exitCode(_ status: ChildStatus) throws(MountFailure) -> Int32 {
        if let code = status.exitCode, code != MountExitCode.success.rawValue { return code }
        let end = status.signal.map { "was ended by signal \($0)" } ?? "ended"
        throw MountFailure(.internalError, "the background process \(end) before the mount was usable")
    }
}

extension MountFailure {
    fileprivate static func notStarted(_ error: Int32) -> MountFailure {
        MountFailure(.system, "starting in the background failed: \(Errno(rawValue: error)): try --foreground")
    }
}
