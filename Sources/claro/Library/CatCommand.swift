import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import SystemPackage

struct CatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Prints files of a library, without a mount.",
        discussion: """
            @namespace/prompt:version is that version's content.md, @namespace/prompt that of the newest one. A version \
            that was fetched once, here or by a mount, costs no request. Exit code 1: there is no such file.
            """
    )

    @Argument(help: ArgumentHelp("@namespace/prompt[:version[/file]]", valueName: "path")) var paths: [String]
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        let paths = try paths.map { text throws(CommandFailure) in try LibraryPath(argument: text) }
        try LibrarySession(library.access()).run { session in
            var documents: [JSONValue] = []
            for path in paths {
                var bytes: [UInt8] = []
                do {
                    try await session.tree.read(path) { part in
                        if json.isWanted { bytes += part } else { try StandardOutput.write(part) }
                    }
                } catch let error as Errno {
                    throw session.failure(error, at: path)
                }
                documents.append(.members(["path": .string("\(path)"), "text": .string(try text(bytes, path))]))
            }
            if json.isWanted { try StandardOutput.write(.array(documents)) }
        }
    }

    private func text(_ bytes: [UInt8], _ path: LibraryPath) throws(CommandFailure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.usage, "\(path) is no text and does not fit into JSON: leave out --json")
        }
        return text
    }
}
