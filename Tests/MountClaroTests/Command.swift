import Glibc
import SystemPackage
import Testing

/// The built `mount.claro`, as a child process.
struct Command {
    /// Its exit status; nil where a signal ended it.
    let exitCode: Int32?
    let output: String
    let errors: String

    /// A command that needs more than this hangs.
    private static let longestRun = 30

    /// Runs it to its end.
    static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Command {
        try TemporaryDirectory.with { directory in
            let child = try start(arguments, environment: environment, directory: directory)
            var status: Int32 = 0
            // A child that hangs is ended by timeout(1), which `start` puts before it.
            while waitpid(child, &status, 0) < 0 { try #require(errno == EINTR) }
            return Command(
                exitCode: status & 0x7F == 0 ? (status >> 8) & 0xFF : nil,
                output: try text("\(directory)/output"),
                errors: try text("\(directory)/errors")
            )
        }
    }

    /// Starts it under timeout(1), which passes signals and the exit status on; its output goes to files in `directory`.
    static func start(_ arguments: [String], environment: [String: String], directory: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, name) in [(STDOUT_FILENO, "output"), (STDERR_FILENO, "errors")] {
            let path = "\(directory)/\(name)"
            posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        let command = ["timeout", "--foreground", "-k1", "\(longestRun)", try path()] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        let all = ["PATH": "/usr/bin:/bin:/sbin", "HOME": directory].merging(environment) { _, own in own }
        var envp: [UnsafeMutablePointer<CChar>?] = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var child = pid_t()
        try #require(posix_spawnp(&child, "timeout", &actions, nil, &argv, &envp) == 0)
        return child
    }

    /// The executable beside the one that runs the tests.
    private static func path() throws -> String {
        var characters = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        try #require(readlink("/proc/self/exe", &characters, characters.count - 1) > 0)
        let own = FilePath(platformString: characters)
        return own.removingLastComponent().appending("mount.claro").string
    }

    private static func text(_ path: String) throws -> String {
        let file = try FileDescriptor.open(path, .readOnly)
        return try file.closeAfter {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
            return String(decoding: bytes[..<count], as: UTF8.self)
        }
    }
}
