import Foundation
import Testing

struct SemanticsTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func `each promise in Semantics has a test of the same name`() throws {
        let page = Self.root.appendingPathComponent("Sources/ClaroFS/Documentation.docc/Semantics.md")
        let text = try String(contentsOf: page, encoding: .utf8).split(whereSeparator: \.isWhitespace).joined(
            separator: " "
        )
        let promises = text.matches(of: #/\*\*([^*]+)\*\*/#).map { String($0.output.1) }
        #expect(promises.count > 50)

        let directory = Self.root.appendingPathComponent("Tests/MountTests")
        let names = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .map { try String(contentsOf: $0, encoding: .utf8) }
            .flatMap { $0.matches(of: #/func `([^`]+)`/#).map { String($0.output.1) } }
        for promise in promises { #expect(names.contains(promise), "no test is called so") }
    }
}
