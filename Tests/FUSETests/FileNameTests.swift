import FUSE
import Testing

struct FileNameTests {
    @Test func `names are the same when their bytes are, not when they look alike`() {
        let composed = "caf\u{E9}"
        let decomposed = "cafe\u{301}"
        #expect(composed == decomposed)
        #expect(FileName(composed) != FileName(decomposed))
        #expect(Set([FileName(composed), FileName(decomposed)]).count == 2)
    }

    @Test func `names are ordered by bytes`() {
        let names: [FileName] = ["b", "a", "é", "Z", "ab", ""]
        #expect(names.sorted() == ["", "Z", "a", "ab", "b", "é"])
    }

    @Test func `a name that is not UTF-8 has bytes and no text`() {
        let name = [UInt8(ascii: "a"), 0xFF, 0].withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { FileName(cString: $0) } }
        }
        #expect(name?.bytes == [UInt8(ascii: "a"), 0xFF])
        #expect(name?.text == nil)
        #expect(name?.description == "a\u{FFFD}")
        #expect(FileName("é").text == "é")
    }
}
