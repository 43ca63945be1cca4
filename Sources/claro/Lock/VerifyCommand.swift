import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import SystemPackage

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks that each locked version is there and has the texts that were locked.",
        discussion: "What is stored costs no request, all else one. Exit code 1: something differs, or is gone."
    )

    @Option(help: "The lock file.") var file = LockFile.standardPath
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        let lock = try LockFile(contentsOf: file)
        try LibrarySession(library.access()).run { session in
            var differences: [(name: PackageName, what: String)] = []
            for (prompt, entry) in lock.entries.sorted(by: { "\($0.key)" < "\($1.key)" }) {
                let key = VersionKey(prompt, .published(entry.version))
                do throws(Errno) {
                    if try await session.tree.lockEntry(of: key) != entry {
                        differences.append((key.packageName, "its texts are not those that were locked"))
                    }
                } catch .noSuchFileOrDirectory {
                    differences.append((key.packageName, "it is gone"))
                } catch {
                    throw session.failure(error, at: key)
                }
            }
            try report(differences, lock)
        }
    }

    private func report(_ differences: [(name: PackageName, what: String)], _ lock: LockFile) throws {
        if json.isWanted {
            let list = differences.map { name, what in
                JSONValue.members(["what": .string("\(name)"), "why": .string(what)])
            }
            try StandardOutput.write(.members(["locked": .count(lock.entries.count), "differences": .array(list)]))
        } else {
            for (name, what) in differences { CommandFailure(.finding, "\(name): \(what)").report() }
            try StandardOutput.write(
                line: "\(lock.entries.count - differences.count) of \(lock.entries.count) as locked"
            )
        }
        if !differences.isEmpty { throw Outcome.finding }
    }
}
