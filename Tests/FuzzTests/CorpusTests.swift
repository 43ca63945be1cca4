import Foundation
import Testing

/// Every input that fuzzing has kept (scripts/fuzz), as a test.
struct CorpusTests {
    private static let corpora = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Corpora")

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `all that fuzzing has kept holds its promises`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let directory = Self.corpora.appendingPathComponent(name)
        let inputs = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        #expect(inputs.count >= 5)
        for input in inputs {
            let bytes = Array(try Data(contentsOf: input))
            #expect(throws: Never.self, "\(name)/\(input.lastPathComponent)") { try target.read(bytes) }
        }
    }

    @Test func `each corpus has a target`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpora.path)
        #expect(Set(names) == Set(FuzzTarget.all.map(\.name)))
    }
}
