import Foundation
import TestSupport
import Testing

struct ReadmeTests {
    @Test func `the session in the README is what a terminal shows`() async throws {
        let session = try Self.session()
        let commands = session.filter { $0.hasPrefix("$ ") }.map { $0.dropFirst(2) }
        #expect(commands.count > 10)
        // As a terminal has it, but for the line numbers with which a script's errors begin.
        var script = "ls() { command ls -C -T 0 -w 80 \"$@\"; }\n"
        for command in commands { script += "cat <<'COMMAND'\n$ \(command)\nCOMMAND\n\(command)\n" }
        try await MountFixture.with { mount async throws in
            let shown = try await mount.output(
                of: "bash 2>&1 <<'SCRIPT' | sed 's/^bash: line [0-9]*: /bash: /'\n\(script)SCRIPT\n"
            )
            #expect(shown.split(separator: "\n") == session)
        }
    }

    /// The indented lines of the section that shows one.
    private static func session() throws -> [Substring] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let start = try #require(text.range(of: "## What it looks like\n"))
        let end = try #require(text.range(of: "\n## ", range: start.upperBound..<text.endIndex))
        return text[start.upperBound..<end.lowerBound].split(separator: "\n")
            .filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
    }
}
