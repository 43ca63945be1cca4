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

    @Argument var places: [String] = []
    @Option(name: .customShort("o"), parsing: .unconditionalSingleValue)
    var optionLists: [String] = []
    @Flag(name: [.customShort("f"), .customLong("fake")]) var isDryRun = false
    @Flag(name: .customShort("n")) var leavesMountTableAlone = false
    @Flag(name: .customShort("s")) var isSloppy = false
    @Flag(name: [.customShort("v"), .customLong("verbose")]) var isVerbose = false
    @Flag(name: .customLong("foreground")) var isForeground = false
    @Option(name: .customShort("t")) var type: String?
    @Option(name: .customShort("N")) var mountNamespace: String?

    /// Synchronous: a task before the background start would leave its thread pool to the wrong process.
    static func main() {
        Glibc.exit(outcome(of: Array(CommandLine.arguments.dropFirst())))
    }

    /// Does all of it, prints what is to be printed, and returns the exit code.
    private static func outcome(of arguments: [String]) -> Int32 {
        let command: MountClaro
        do {
            command = try parse(arguments.flatMap(separated))
        } catch  where exitCode(for: error) == .success {
            print(arguments.contains("--version") ? "mount.claro \(Release.version)" : Help.text)
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
        switch places.count {
        case 1: return (try MountSource(nil), places[0])
        case 2: return (try MountSource(places[0]), places[1])
        case 0: throw MountFailure(.usage, "the mount point is missing: \(Help.usage)")
        default: throw MountFailure(.usage, "too many arguments: \(Help.usage)")
        }
    }
}
