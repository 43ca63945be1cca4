import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import Glibc
import SystemPackage

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Lists what a mount would show, without a mount.",
        discussion: """
            Nothing is mounted, so it also works in containers without /dev/fuse. What it fetches is kept, and costs \
            mounts nothing. Exit code 1: there is no such thing.
            """
    )

    @Argument(help: "@namespace[/prompt[:version[/context]]]; the whole library if left out.") var path = "/"
    @Flag(name: .customShort("l"), help: "With sizes and times (UTC).") var isLong = false
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        let path = try LibraryPath(argument: path)
        try LibrarySession(library.access()).run { session in
            let items: [LibraryTree.Item]
            do throws(Errno) {
                items = try await session.tree.items(at: path)
            } catch {
                throw session.failure(error, at: path)
            }
            if json.isWanted { return try StandardOutput.write(.array(items.map(\.json))) }
            for item in items { try StandardOutput.write(line: isLong ? item.longLine : item.name) }
        }
    }
}

extension LibraryPath {
    /// - Throws: `CommandFailure` for a name that the grammar forbids.
    init(argument: String) throws(CommandFailure) {
        guard let path = LibraryPath(argument) else {
            throw CommandFailure(.usage, "\(argument) is no name in a library: write @namespace/prompt:version/file")
        }
        self = path
    }
}

extension LibraryTree.Item {
    fileprivate var json: JSONValue {
        .members([
            "name": .string(name), "type": .string(kind.rawValue), "size": byteCount.map(JSONValue.count) ?? .null,
            "modified": modified.map { .count($0.seconds) } ?? .null, "target": .text(target),
        ])
    }

    /// Size, time, name.
    fileprivate var longLine: String {
        let size = byteCount.map { "\($0)" } ?? "-"
        let time = modified.map(Self.text) ?? String(repeating: " ", count: 16)
        let padding = String(repeating: " ", count: max(0, 10 - size.count))
        return "\(padding)\(size)  \(time)  \(name)\(target.map { " -> \($0)" } ?? "")"
    }

    /// `2025-11-03 14:12`, in UTC.
    private static func text(_ time: Timestamp) -> String {
        var seconds = Int(time.seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M", &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
