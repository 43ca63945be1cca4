import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import SystemPackage

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Prints one line of JSON for each change: inotify does not see what changes at the server.",
        discussion: """
            Events: watching (the first line), added, removed, published (latest points elsewhere), draft, stale (the API \
            does not answer), fresh. The listing is looked at every ttl (60 s); the draft of a prompt that is named, \
            every draft_ttl (5 s). Ends with Ctrl-C.
            """
    )

    @Argument(help: ArgumentHelp("@namespace[/prompt]; everything if left out.", valueName: "path"))
    var paths: [String] = []
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    /// The shortest pause between two looks, whatever the times say.
    private static let shortestPause: Duration = .milliseconds(100)

    func run() throws {
        let paths = try (paths.isEmpty ? ["/"] : paths).map { text throws(CommandFailure) in
            let path = try LibraryPath(argument: text)
            switch path {
            case .root, .namespace, .prompt: return path
            default: throw CommandFailure(.usage, "\(text) is no prompt: what is published never changes")
            }
        }
        let named = paths.compactMap { if case .prompt(let name) = $0 { name } else { nil } }
        try LibrarySession(library.access()).run { session in
            do {
                try await watch(session.tree, paths, named)
            } catch let error as Errno {
                throw session.failure(error, at: LibraryPath.root)
            }
        }
    }

    private func watch(_ tree: LibraryTree, _ paths: [LibraryPath], _ named: [PromptName]) async throws {
        var known = try await tree.snapshot(in: paths, named: named)
        try print(["event": .string("watching"), "prompts": .count(known.prompts.count)])
        while true {
            let pause = tree.quietTime(watchingDrafts: !named.isEmpty)
            try await Task.sleep(for: max(pause, Self.shortestPause))
            let now = try await tree.snapshot(in: paths, named: named)
            for change in now.changes(since: known) { try print(change.members) }
            known = now
        }
    }

    private func print(_ members: KeyValuePairs<String, JSONValue>) throws {
        let time = [JSONValue.Member(key: "at", value: .count(Timestamp.now().seconds))]
        let line = JSONValue.object(time + members.map { JSONValue.Member(key: $0.key, value: $0.value) })
        try StandardOutput.write(line.serialized(.compact) + [UInt8(ascii: "\n")])
    }
}

extension LibrarySnapshot.Change {
    fileprivate var members: KeyValuePairs<String, JSONValue> {
        func version(_ number: UInt32?) -> JSONValue { .text(number.map { "v\($0)" }) }
        return switch self {
        case .added(let name, let newest):
            ["event": .string("added"), "prompt": .string("\(name)"), "version": version(newest)]
        case .removed(let name): ["event": .string("removed"), "prompt": .string("\(name)")]
        case .published(let name, let from, let to):
            [
                "event": .string("published"), "prompt": .string("\(name)"), "from": version(from),
                "version": version(to),
            ]
        case .draft(let name, let hash):
            ["event": .string("draft"), "prompt": .string("\(name)"), "sha256": .text(hash)]
        case .stale(let why?): ["event": .string("stale"), "why": .string(why)]
        case .stale(nil): ["event": .string("fresh")]
        }
    }
}
