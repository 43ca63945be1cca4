import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import SystemPackage

struct WarmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm",
        abstract: "Fetches what mounts will be asked for, so that it is there without a network.",
        discussion: """
            Of each prompt the newest version, or the draft where nothing is published, with its attachments. What is \
            stored costs nothing again: interrupted, it goes on where it was. A quarter of each minute's and hour's \
            requests is left to others; when the rest is spent, it waits. Exit code 1: not everything is there.
            """
    )

    @Argument(help: ArgumentHelp("@namespace[/prompt[:version]]; everything if left out.", valueName: "path"))
    var paths: [String] = []
    @Flag(help: "Every version that is listed, not the newest alone.") var allVersions = false
    @Flag(inversion: .prefixedNo, help: "Attachments, too.") var attachments = true
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        let paths = try (paths.isEmpty ? ["/"] : paths).map { text throws(CommandFailure) in
            try LibraryPath(argument: text)
        }
        let access = try library.access()
        guard access.cacheDirectory != nil else {
            throw CommandFailure(.usage, "with cache=none there is no place to keep anything in")
        }
        try LibrarySession(access).run { session in
            guard session.tree.isKept else {
                throw CommandFailure(
                    .usage,
                    "nothing is kept where the cache is: give a place on a disk with -o cache=DIR"
                )
            }
            let warming = Warming(session, withAttachments: attachments)
            var keys: [VersionKey] = []
            for path in paths {
                do throws(Errno) {
                    keys += try await session.tree.versions(at: path, all: allVersions)
                } catch {
                    throw session.failure(error, at: path)
                }
            }
            let result = await warming.run(keys)
            try report(result, session)
        }
    }

    private func report(_ result: Warming.Result, _ session: LibrarySession) throws {
        let requestCount = session.client.statistics.hour.sent
        if json.isWanted {
            try StandardOutput.write(
                .members([
                    "versions": .count(result.fetchedCount + result.presentCount),
                    "fetched": .count(result.fetchedCount),
                    "present": .count(result.presentCount), "requests": .count(requestCount),
                    "failed": .array(
                        result.failures.map {
                            .members(["what": .string($0.key.description), "why": .string($0.cause)])
                        }
                    ),
                ])
            )
        } else {
            for failure in result.failures { CommandFailure(.finding, failure.cause).report() }
            try StandardOutput.write(
                line:
                    "\(result.fetchedCount) versions fetched, \(result.presentCount) were there; \(requestCount) requests"
            )
        }
        if let outage = result.outage {
            throw CommandFailure(.failure, "\(outage): run it again to go on")
        }
        if !result.failures.isEmpty { throw Outcome.finding }
    }
}
