import SystemPackage
import Testing

@testable import ClaroCommand
@testable import mount_claro

struct HelpTests {
    @Test(arguments: MountOption.allCases)
    func `the help shows every option with its default`(option: MountOption) throws {
        let name = "  " + option.rawValue + (option.placeholder.map { "=\($0)" } ?? "") + " "
        let line = try #require(Help.text.split(separator: "\n").first { $0.hasPrefix(name) })
        #expect(line.contains(" \(option.defaultText) "))
    }

    @Test func `no line is longer than a terminal's 80 columns`() {
        #expect(Help.text.split(separator: "\n").filter { $0.count > 80 } == [])
    }

    @Test(arguments: MountOption.allCases)
    func `the README's table has every option with its default`(option: MountOption) throws {
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        let text = String(decoding: try ProcFile.bytes(root.appending("README.md").string), as: UTF8.self)
        let name = option.rawValue + (option.placeholder.map { "=\($0.replacing("|", with: "\\|"))" } ?? "")
        let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("| `") && $0.contains("`\(name)`") })
        #expect(option.defaultText == "see below" || row.contains("| \(option.defaultText) |"))
    }

    @Test func `-o help prints the options of --help`() {
        #expect(Help.text.contains(Help.options))
    }
}
