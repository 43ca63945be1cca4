import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import Glibc
import SystemPackage

struct LockCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Writes which version of each prompt is meant, with a hash of its texts.",
        discussion: """
            `claro verify` checks it, and `mount.claro -o lock=FILE` mounts exactly that. Named prompts are added or \
            renewed; without names, all that the file has, or, where there is no file, all that are listed. The hash is \
            what `sha256sum *.md | sha256sum` prints in a version's directory. Exit code 1: not all could be locked.
            """
    )

    @Argument(help: ArgumentHelp("@namespace[/prompt[:version]]", valueName: "path")) var paths: [String] = []
    @Option(help: "The file to write.") var file = LockFile.standardPath
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        let isThere = access(file, F_OK) == 0
        let lock = isThere ? try LockFile(contentsOf: file) : LockFile()
        var paths = try paths.map { text throws(CommandFailure) in try LibraryPath(argument: text) }
        if paths.isEmpty {
            paths = isThere ? lock.entries.keys.sorted { "\($0)" < "\($1)" }.map(LibraryPath.prompt) : [.root]
        }
        try LibrarySession(library.access()).run { [paths] session in
            var lock = lock
            var changes: [(name: PromptName, entry: LockFile.Entry)] = []
            var failures: [String] = []
            for path in paths {
                do throws(Errno) {
                    for key in try await session.tree.versions(at: path, all: false) {
                        guard let entry = try await session.tree.lockEntry(of: key) else {
                            // In a whole namespace there may be drafts.
                            if path.isOfPrompt { failures.append("\(path) is not published, and cannot be locked") }
                            continue
                        }
                        if lock.entries[key.prompt] != entry { changes.append((key.prompt, entry)) }
                        lock.entries[key.prompt] = entry
                    }
                } catch {
                    throw session.failure(error, at: path)
                }
            }
            try lock.write(to: file)
            for failure in failures { CommandFailure(.finding, failure).report() }
            try report(changes, lock)
            if !failures.isEmpty { throw Outcome.finding }
        }
    }

    private func report(_ changes: [(name: PromptName, entry: LockFile.Entry)], _ lock: LockFile) throws {
        if json.isWanted {
            let changed = changes.map { name, entry in JSONValue.string("\(name):v\(entry.version)") }
            return try StandardOutput.write(
                .members([
                    "file": .string(file), "prompts": .count(lock.entries.count), "changed": .array(changed),
                ])
            )
        }
        for (name, entry) in changes { try StandardOutput.write(line: "\(name):v\(entry.version)") }
        try StandardOutput.write(line: "\(changes.count) changed, \(lock.entries.count) locked in \(file)")
    }
}

extension LibraryPath {
    /// Whether one prompt is meant, not many.
    fileprivate var isOfPrompt: Bool {
        switch self {
        case .root, .namespace: false
        default: true
        }
    }
}
