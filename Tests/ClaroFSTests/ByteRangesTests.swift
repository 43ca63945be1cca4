import Testing

@testable import ClaroFS

struct ByteRangesTests {
    @Test(arguments: 0..<20) func `ranges behave like a set of bytes`(seed: UInt64) {
        var random = SplitMix(seed)
        var ranges = ByteRanges()
        var model: Set<Int64> = []
        for _ in 0..<60 {
            let start = Int64(random.next() % 50)
            let range = start..<start + Int64(random.next() % 12)
            if random.next() % 3 == 0 {
                ranges.remove(range)
                model.subtract(range)
            } else {
                ranges.insert(range)
                model.formUnion(range)
            }
            #expect(ranges.byteCount == Int64(model.count))
            for offset in Int64(0)..<64 {
                #expect(ranges.firstMissing(from: offset) == (offset...).first { !model.contains($0) })
                #expect(ranges.contains(offset..<offset + 3) == model.isSuperset(of: offset..<offset + 3))
                let missing = ranges.missing(in: offset..<offset + 9)
                #expect(missing.flatMap(Array.init) == (offset..<offset + 9).filter { !model.contains($0) })
            }
            let pieces = ranges.pieces(of: 7)
            #expect(pieces.flatMap(Array.init) == model.sorted())
            #expect(pieces.allSatisfy { !$0.isEmpty && $0.lowerBound / 7 == ($0.upperBound - 1) / 7 })
        }
    }
}
