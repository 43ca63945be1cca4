import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS

struct CacheClearCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear",
        abstract: "Removes what is stored; mounts go on, and fetch again what they are asked for."
    )

    @OptionGroup var options: CacheOptions

    func run() throws {
        let libraries = try options.open().libraries
        let before = libraries.map { $0.inventory.attachmentByteCount + $0.inventory.databaseByteCount }.reduce(0, +)
        for library in libraries where !library.clear() {
            throw CommandFailure(.failure, "\(library.path) cannot be emptied: it is in use, or its disk is full")
        }
        let after = libraries.map { $0.inventory.attachmentByteCount + $0.inventory.databaseByteCount }.reduce(0, +)
        let freed = max(0, before - after)
        if options.json.isWanted { return try StandardOutput.write(.members(["freedBytes": .count(freed)])) }
        try StandardOutput.write(line: "\(ReadableByteCount(freed)) freed")
    }
}
