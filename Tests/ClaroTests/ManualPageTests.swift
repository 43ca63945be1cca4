import Foundation
import TestSupport
import Testing

/// The manual pages of the package say what the programs' help says.
struct ManualPageTests {
    @Test func `mount.claro(8) has every argument and option of --help, in its order, with its default`() async throws {
        let page = try ManualPage("mount.claro.8")
        let program = try ClaroFixture.program("mount.claro")
        let help = try await ChildProcess.run([program, "--help"])
        // A name, and after two spaces what it is.
        let arguments = help.lines.compactMap { $0.wholeMatch(of: #/  ((?:[A-Z]{6,}|-).*?)  +.*/#)?.output.1 }
        #expect(page.tags(in: "ARGUMENTS") == arguments.map(String.init))
        let optionHelp = try await ChildProcess.run([program, "-o", "help"])
        // A name, the default, and what it is.
        let options = optionHelp.lines.compactMap { $0.wholeMatch(of: #/  ([a-z_]{3,}(?:=\S+)?) +(\S+) .*/#)?.output }
        #expect(options.count == 20)
        #expect(page.tags(in: "OPTIONS") == options.map { String($0.1) })
        for (_, name, standard) in options where !["see", "off", "the", "who", "everything"].contains(standard) {
            #expect(page.text(of: String(name), in: "OPTIONS").contains("Default: \(standard)."))
        }
    }

    @Test func `claro(1) has every command and option of --help`() async throws {
        let page = try ManualPage("claro.1")
        let dump = try await ChildProcess.run([try ClaroFixture.program("claro"), "--experimental-dump-help"])
        let root = try JSONDecoder().decode(ToolInfo.self, from: Data(dump.bytes)).command
        let commands = root.leaves(named: "")
        #expect(commands.count == 12)
        #expect(page.subsections == commands.map(\.name))
        let common = page.tags(in: "OPTIONS").optionNames
        for (name, options) in commands {
            #expect(page.tags(in: name).optionNames == options.filter { !common.contains($0) })
            #expect(options.contains("--json"))
        }
    }
}

/// The source of a page (man(7)), as far as these pages use it.
private struct ManualPage {
    /// A paragraph with a tag, such as an option.
    private struct Entry {
        let section: String
        let tag: String
        var text: String
    }

    /// `.SS`, without what is in italics or brackets.
    private(set) var subsections: [String] = []
    private var entries: [Entry] = []

    init(_ name: String) throws {
        let file = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../scripts/packaging/man/\(name)")
        var section = ""
        var isTag = false
        for line in try String(contentsOf: file.standardized, encoding: .utf8).split(separator: "\n") {
            if isTag {
                entries.append(Entry(section: section, tag: Self.plain(line), text: ""))
                isTag = false
            } else if line.hasPrefix(".SH ") {
                section = String(line.dropFirst(4))
            } else if line.hasPrefix(".SS ") {
                section = String(line.dropFirst(4).prefix { $0 != "\\" }).trimmingCharacters(in: .whitespaces)
                subsections.append(section)
            } else if line == ".TP" || line == ".TQ" {
                isTag = true
            } else if !entries.isEmpty {
                entries[entries.count - 1].text += Self.plain(line)
            }
        }
    }

    func tags(in section: String) -> [String] { entries.filter { $0.section == section }.map(\.tag) }

    func text(of tag: String, in section: String) -> String {
        entries.first { $0.section == section && $0.tag == tag }?.text ?? ""
    }

    /// What is left of a line without macros and escapes. A macro with two letters sets its words without spaces between
    /// them, but for those in quotation marks.
    private static func plain(_ line: Substring) -> String {
        var text = String(line)
        if let macro = line.prefixMatch(of: #/\.[A-Z]+ /#) {
            let parts = line[macro.range.upperBound...].split(separator: "\"", omittingEmptySubsequences: false)
            let isJoining = macro.output.count == 4
            text = parts.enumerated().map { index, part in
                isJoining && index % 2 == 0 ? String(part.filter { $0 != " " }) : String(part)
            }.joined()
        }
        return text.replacing("\\|.\\|.\\|.", with: "…").replacing("\\-", with: "-").replacing(#/\\f./#, with: "")
    }
}

extension [String] {
    /// `-l`, `--file`: what begins with a hyphen.
    fileprivate var optionNames: [String] { flatMap { $0.matches(of: #/--?[a-z][a-z-]*/#).map { String($0.output) } } }
}

/// What `--experimental-dump-help` prints.
private struct ToolInfo: Decodable {
    let command: Command

    struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                let name: String
            }
            let names: [Name]?
        }
        let commandName: String
        let shouldDisplay: Bool
        let arguments: [Argument]?
        let subcommands: [Command]?

        /// The commands that do something, each with its options.
        func leaves(named parents: String) -> [(name: String, options: [String])] {
            guard shouldDisplay, commandName != "help" else { return [] }
            let name = parents + commandName
            if let subcommands { return subcommands.flatMap { $0.leaves(named: name + " ") } }
            let names = (arguments ?? []).flatMap { $0.names ?? [] }.map(\.name)
            return [(name, names.map { ($0.count == 1 ? "-" : "--") + $0 })]
        }
    }
}
