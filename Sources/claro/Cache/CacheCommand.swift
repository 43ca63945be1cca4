import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import Logging
import SystemPackage

struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "Shows, checks or empties what is stored of libraries.",
        subcommands: [CacheInfoCommand.self, CacheVerifyCommand.self, CacheClearCommand.self]
    )
}

/// The cache directory that `cache` commands work on.
struct CacheOptions: ParsableArguments {
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    /// - Throws: `MountFailure` where there can be no cache, or it is another user's.
    func open() throws -> (directory: String, libraries: [StoredLibrary]) {
        let access = try library.access()
        guard access.cacheDirectory != nil else {
            throw CommandFailure(.usage, "with cache=none there is no cache to look at")
        }
        var logger = Logger(label: "claro") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let directory = try access.usableCacheDirectory(logger).path
        return (directory, StoredLibrary.all(in: directory, logger: logger))
    }
}

struct CacheInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "info", abstract: "Shows what is stored.")

    @OptionGroup var options: CacheOptions

    func run() throws {
        let (directory, libraries) = try options.open()
        if options.json.isWanted {
            return try StandardOutput.write(
                .members(["directory": .string(directory), "libraries": .array(libraries.map(\.json))])
            )
        }
        if libraries.isEmpty { return try StandardOutput.write(line: "\(directory)  empty") }
        for library in libraries {
            let inventory = library.inventory
            let size = ReadableByteCount(inventory.databaseByteCount + inventory.attachmentByteCount)
            try StandardOutput.write(line: "\(library.path)  \(size)")
            try StandardOutput.write(
                line: "  \(inventory.promptCount) prompts listed, \(inventory.publishedCount) versions, "
                    + "\(inventory.draftCount) drafts, \(inventory.attachmentCount) attachments"
            )
        }
    }
}

extension StoredLibrary {
    fileprivate var json: JSONValue {
        let inventory = inventory
        return .members([
            "path": .string(path), "prompts": .count(inventory.promptCount),
            "versions": .count(inventory.publishedCount), "drafts": .count(inventory.draftCount),
            "attachments": .count(inventory.attachmentCount),
            "attachmentBytes": .count(inventory.attachmentByteCount),
            "databaseBytes": .count(inventory.databaseByteCount),
            "listedAt": inventory.listed.map { .count($0.seconds) } ?? .null,
        ])
    }
}
