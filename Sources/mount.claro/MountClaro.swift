import ArgumentParser
import ClaroCommand
import Glibc

/// The command: reads the arguments as a person or mount(8) gives them, and mounts.
@main
struct MountClaro: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount.claro",
        abstract: Help.abstract,
        usage: Help.usage,
        version: Release.version
    )

    // The help texts are for completions; `--help` prints its own.
    @Argument(help: "The API's address, or the mount point.", completion: .directory) var first: String?
    @Argument(help: "The mount point.", completion: .directory) var second: String?
    @Option(
        name: .customShort("o"),
        parsing: .unconditionalSingleValue,
        help: "Options, separated by commas.",
        completion: .custom { _, _, list in MountOptionCompletion.lists(beginning: list) }
    )
    var optionLists: [String] = []
    @Flag(name: [.customShort("f"), .customLong("fake")], help: "Check everything, mount nothing.")
    var isDryRun = false
    @Flag(name: .customShort("n"), help: .hidden) var leavesMountTableAlone = false
    @Flag(name: .customShort("s"), help: "Pass over unknown options.") var isSloppy = false
    @Flag(name: [.customShort("v"), .customLong("verbose")], help: "Tell more.") var isVerbose = false
    @Flag(name: .customLong("foreground"), help: "Stay in the foreground, log to standard error.")
    var isForeground = false
    @Option(name: .customShort("t"), help: .hidden) var type: String?
    @Option(name: .customShort("N"), help: .hidden) var mountNamespace: String?

    /// Synchronous: a task before the background start would leave its thread pool to the wrong process.
    static func main() {
        let status = outcome(of: Array(CommandLine.arguments.dropFirst()))
        fflush(nil)
        // A mount that is left while it is in use still has threads that answer: nothing is taken down under them, as exit(3)
        // would do with all libraries.
        _exit(status)
    }

    /// Does all of it, prints what is to be printed, and returns the exit code.
    private static func outcome(of arguments: [String]) -> Int32 {
        let command: MountClaro
        do {
            command = try parse(arguments.flatMap(separated))
        } catch  where exitCode(for: error) == .success {
            print(answer(to: arguments, parsersOwn: fullMessage(for: error)))
            return MountExitCode.success.rawValue
        } catch {
            let failure = MountFailure(.usage, "\(message(for: error)) (see `mount.claro --help`)")
            failure.report(of: "mount.claro")
            return failure.exitCode.rawValue
        }
        do throws(MountFailure) {
            return try command.mount()
        } catch {
            error.report(of: "mount.claro")
            return error.exitCode.rawValue
        }
    }

    /// What `--version`, `--help` and a shell that completes words (`--generate-completion-script`, `---completion`) get.
    private static func answer(to arguments: [String], parsersOwn: String) -> String {
        if arguments.contains("--version") { return "mount.claro \(Release.version)" }
        let isForShell = arguments.contains { $0.hasPrefix("--generate-completion") || $0.hasPrefix("---completion") }
        return isForShell ? parsersOwn : Help.text
    }

    /// `-ottl=5m` is `-o ttl=5m`: the parser would take the equals sign for its own.
    private static func separated(_ argument: String) -> [String] {
        argument.hasPrefix("-o") && argument.utf8.count > 2 ? ["-o", String(argument.dropFirst(2))] : [argument]
    }

    private func mount() throws(MountFailure) -> Int32 {
        if optionLists.flatMap(MountOptions.split).contains("help") {
            print(Help.options)
            return MountExitCode.success.rawValue
        }
        let notifySocket = NotifySocket.inherited()
        let (source, mountPoint) = try sourceAndMountPoint()
        let options = try MountOptions(parsing: optionLists, isSloppy: isSloppy)
        if options.isRemount {
            try MountNamespace.enter(mountNamespace)
            try Remount.apply(options.flagChanges, to: mountPoint, isDryRun: isDryRun)
            return MountExitCode.success.rawValue
        }
        // The process that mounts also makes the checks: only it may be in the mount's namespace, and nothing can
        // change between the two.
        let readiness = isForeground || isDryRun ? .foreground : Readiness.inherited()
        guard let readiness else { return try BackgroundStart.run(arguments: CommandLine.arguments) }
        signal(SIGPIPE, SIG_IGN)
        try MountNamespace.enter(mountNamespace)
        let request = try MountRequest(
            source: source,
            mountPoint: mountPoint,
            options: options,
            isForeground: isForeground,
            isVerbose: isVerbose,
            isDryRun: isDryRun
        )
        if isDryRun { return MountExitCode.success.rawValue }
        return try serve(request, readiness: readiness, notifySocket: notifySocket).rawValue
    }

    /// One place is the mount point. On a remount mount(8) gives the source, too, which then has no meaning.
    private func sourceAndMountPoint() throws(MountFailure) -> (MountSource, mountPoint: String) {
        guard let first else { throw MountFailure(.usage, "the mount point is missing: \(Help.usage)") }
        guard let second else { return (try MountSource(nil), first) }
        return (try MountSource(first), second)
    }
}
