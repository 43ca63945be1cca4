import ClaroEmulator
import Testing

struct AttachmentTests {
    @Test func `synthetic bytes are the same however they are read`() throws {
        let attachment = Workspace.Attachment.synthetic(seed: 42, byteCount: 1_000)
        let whole = try attachment.read(0..<1_000)
        #expect(whole.count == 1_000)
        #expect(Set(whole).count > 200)
        for range in [0..<1, 7..<9, 8..<16, 3..<997, 999..<1_000, 5..<5] as [Range<Int64>] {
            #expect(try attachment.read(range) == Array(whole[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
        let other = Workspace.Attachment.synthetic(seed: 43, byteCount: 1_000)
        #expect(try other.read(0..<1_000) != whole)
    }

    @Test func `the end of a huge file is served without the rest`() async throws {
        let file = Workspace.Attachment.synthetic(seed: 1, byteCount: 1 << 40)
        let workspace: Workspace = ["a": [.init("b", versions: [.init("c", context: [.file("f", file, id: "f")])])]]
        try await withEmulator(workspace) { _, client in
            let reply = try await client.download("f", headers: ["Range": "bytes=-100000"])
            #expect(reply.header("Content-Range") == "bytes 1099511527776-1099511627775/1099511627776")
            #expect(try reply.body == file.read((1 << 40) - 100_000..<1 << 40))
        }
    }

    @Test func `the sample's files are what their names say`() throws {
        let items = Workspace.sample.namespaces.flatMap(\.prompts).flatMap(\.versions).flatMap(\.context)
        var magics: [String: [UInt8]] = [:]
        for case .file(let name, _, let attachment) in items.map(\.kind) {
            magics[name] = try attachment.read(0..<4)
            if name.hasSuffix(".wav") { #expect(attachment.byteCount == 44 + 90 * 32_000) }
        }
        #expect(magics["product-faq.pdf"] == Array("%PDF".utf8))
        #expect(magics["logo.png"] == [0x89] + Array("PNG".utf8))
        #expect(magics["hold-music.wav"] == Array("RIFF".utf8))
    }

    @Test func `a generated library is the same for the same arguments`() {
        func contents(seed: UInt64) -> [String] {
            let library = Workspace.generated(prompts: 10, versions: 2, seed: seed, namespaces: 3)
            return library.namespaces.flatMap(\.prompts).flatMap(\.versions).map(\.content)
        }
        #expect(contents(seed: 5) == contents(seed: 5))
        #expect(contents(seed: 5) != contents(seed: 6))
        #expect(contents(seed: 5).count == 20)
        #expect(contents(seed: 5).allSatisfy { $0.utf8.count == 2_048 })
    }
}
