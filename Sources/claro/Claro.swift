import ArgumentParser
import ClaroCommand
import Glibc

/// The companion of `mount.claro`: one file for each subcommand.
@main
struct Claro: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "claro",
        abstract: "Looks after Claro prompt libraries: mounts, what is stored, and a library without a mount.",
        discussion: """
            Exit codes: 0 all is well; 1 something is not as it should be, or is not there; 2 wrong arguments, or no key \
            that can be used; 3 the API or the system failed.
            """,
        version: Release.version,
        subcommands: [
            StatusCommand.self, ListCommand.self, CatCommand.self, WarmCommand.self, DoctorCommand.self,
            CacheCommand.self, LoginCommand.self, LockCommand.self, VerifyCommand.self, WatchCommand.self,
            ReadReport.self,
        ]
    )

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        Glibc.exit(outcome(of: Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    private static func outcome(of arguments: [String]) -> Outcome {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return .success
        } catch let outcome as Outcome {
            return outcome
        } catch let failure as CommandFailure {
            failure.report()
            return failure.outcome
        } catch let failure as MountFailure {
            failure.report(of: "claro")
            return failure.exitCode == .usage ? .usage : .failure
        } catch  where exitCode(for: error) == .success {
            print(fullMessage(for: error))
            return .success
        } catch {
            CommandFailure(.usage, "\(message(for: error)) (see `claro --help`)").report()
            return .usage
        }
    }
}
