import ArgumentParser
import ClaroAPI
import ClaroCommand
import Glibc
import SystemPackage

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows what is mounted, how fresh it is, and what it has cost.",
        discussion: """
            Of a mount that does not answer within 2 seconds it says so. Exit code 1: a mount is dead, hangs, or serves \
            what it could not renew.
            """
    )

    @Argument(help: "A mounted library; all of them if left out.") var directory: String?
    @OptionGroup var json: JSONOption

    func run() throws {
        let mounts = try chosenMounts().map(MountStatus.init)
        if json.isWanted {
            try StandardOutput.write(.members(["mounts": .array(mounts.map(\.json))]))
        } else if mounts.isEmpty {
            try StandardOutput.write(line: "no Claro library is mounted (`mount.claro DIRECTORY` mounts one)")
        } else {
            for line in mounts.flatMap(\.lines) { try StandardOutput.write(line: line) }
        }
        if !mounts.allSatisfy(\.isWell) { throw Outcome.finding }
    }

    private func chosenMounts() throws(MountFailure) -> [MountTable.Mount] {
        let all = try MountTable.current().mounts.filter(\.isClaro)
        guard let directory else { return all }
        // By its name alone: looking at a directory of a mount that hangs would hang as well.
        let path = Self.absolute(directory)
        if let mount = all.last(where: { path.starts(with: $0.path) }) { return [mount] }
        let resolved = (try? Place(directory))?.path
        if let resolved, let mount = all.last(where: { resolved.starts(with: $0.path) }) { return [mount] }
        throw MountFailure(.usage, "\(directory) is not in a mounted Claro library: `claro status` lists those")
    }

    private static func absolute(_ path: String) -> FilePath {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return FilePath(path).lexicallyNormalized() }
        defer { free(directory) }
        return FilePath(platformString: directory).pushing(FilePath(path)).lexicallyNormalized()
    }
}
