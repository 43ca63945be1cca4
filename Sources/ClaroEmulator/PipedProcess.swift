import Glibc
import Synchronization

/// A child process with a pipe to its input and one from its output, and no other descriptor of ours.
///
/// Unlike one of Foundation's `Process`, it inherits neither descriptors nor blocked signals, whatever thread starts it.
package final class PipedProcess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private struct State {
        var input: Int32?
        var status: Int32?
    }

    private let processID: pid_t
    private let output: Int32
    private let state: Mutex<State>

    /// Starts `program`, found in `PATH`, with `environment` (`NAME=VALUE`) added to ours. What it writes to stdout and
    /// stderr goes into one pipe, or nowhere.
    package init(_ program: String, _ arguments: [String], environment: [String] = [], keepsOutput: Bool = true) throws
    {
        var inputPipe: [Int32] = [0, 0]
        var outputPipe: [Int32] = [0, 0]
        guard pipe(&inputPipe) == 0, pipe(&outputPipe) == 0 else {
            throw Failure(description: "pipe: \(String(cString: strerror(errno)))")
        }
        for descriptor in inputPipe + outputPipe { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputPipe[0], 0)
        if keepsOutput {
            posix_spawn_file_actions_adddup2(&actions, outputPipe[1], 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Closing one that is not open does no harm (glibc's posix_spawn ignores it).
        for descriptor in 3..<min(Int32(sysconf(Int32(_SC_OPEN_MAX))), 4_096) {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        // Dispatch's threads block every signal, and a child would never see its SIGTERM.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let words = (["env"] + environment + [program] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, "/usr/bin/env", &actions, &attributes, words + [nil], environ)
        close(inputPipe[0])
        close(outputPipe[1])
        guard code == 0 else {
            close(inputPipe[1])
            close(outputPipe[0])
            throw Failure(description: "\(program): \(String(cString: strerror(code)))")
        }
        processID = started
        output = outputPipe[0]
        state = Mutex(State(input: inputPipe[1]))
    }

    deinit {
        closeInput()
        close(output)
    }

    /// Lets the child read the end of its input.
    package func closeInput() {
        if let input = state.withLock({ $0.input.take() }) { close(input) }
    }

    /// All that the child writes until it closes its output. Blocks the calling thread.
    package func readOutput() -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// The child's next line, without its end; what it wrote before closing its output, where that has none. Blocks the
    /// calling thread.
    package func readLine() -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    package func terminate() { kill(processID, SIGTERM) }

    /// Blocks the calling thread until the child has ended.
    ///
    /// - Returns: Its exit status; 128 and the signal's number where a signal ended it.
    @discardableResult package func wait() -> Int32 {
        if let status = state.withLock({ $0.status }) { return status }
        var raw: Int32 = 0
        while waitpid(processID, &raw, 0) < 0, errno == EINTR {}
        let signal = raw & 0x7F
        let status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
        state.withLock { $0.status = status }
        return status
    }

    /// Runs a program to its end without any input. Blocks the calling thread.
    ///
    /// - Returns: Its exit status and what it wrote.
    package static func run(
        _ program: String,
        _ arguments: [String],
        environment: [String] = []
    ) throws -> (status: Int32, output: String) {
        let child = try PipedProcess(program, arguments, environment: environment)
        child.closeInput()
        let output = child.readOutput()
        return (child.wait(), String(decoding: output, as: UTF8.self))
    }
}
