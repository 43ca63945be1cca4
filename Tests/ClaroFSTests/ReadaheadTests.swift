import Testing

@testable import ClaroFS

struct ReadaheadTests {
    private static let mebibyte: Int64 = 1 << 20
    /// What the kernel reads ahead by itself.
    private static let page: Int64 = 128 << 10

    /// A readahead that has seen bytes come at this rate.
    private static func readahead(mebibytesPerSecond rate: Int) -> Readahead {
        var readahead = Readahead()
        let start = ContinuousClock.now
        for step in 0...10 { readahead.received(byteCount: rate << 20 / 100, at: start + .milliseconds(10 * step)) }
        return readahead
    }

    /// Reads on from `start`, and returns how far was asked for after each MiB.
    private static func ends(_ readahead: inout Readahead, from start: Int64, mebibytes: Int) -> [Int64] {
        var asked = ByteRanges()
        return (0..<mebibytes).map { index in
            let begin = start + Int64(index) * mebibyte
            for offset in stride(from: begin, to: begin + mebibyte, by: Int64.Stride(page)) {
                let plan = readahead.plan(reading: offset..<offset + page)
                if !asked.contains(offset..<offset + page) { asked.insert(plan.needed) }
                asked.insert(plan.ahead)
            }
            return asked.firstMissing(from: start) / mebibyte
        }
    }

    @Test func `who reads from the beginning gets a segment for each MiB he has read, sixteen at most`() {
        var readahead = Self.readahead(mebibytesPerSecond: 1_000)
        let ends = Self.ends(&readahead, from: 0, mebibytes: 18)
        // What he reads, and as many ahead of it.
        let growing: [Int64] = [16, 24, 32, 40, 48, 56, 64, 72, 88, 96, 104, 112, 120, 128, 136, 144]
        #expect(ends == growing + [152, 152])
    }

    @Test func `where bytes come slowly one segment is enough`() {
        var readahead = Self.readahead(mebibytesPerSecond: 10)
        #expect(Self.ends(&readahead, from: 0, mebibytes: 10) == Array(repeating: 16, count: 8) + [24, 24])
        var middle = Self.readahead(mebibytesPerSecond: 50)
        #expect(Self.ends(&middle, from: 0, mebibytes: 8) == [16, 24, 32, 32, 32, 32, 32, 32])
    }

    @Test func `who begins in the middle gets what he reads, then as much again, then segments`() {
        var readahead = Self.readahead(mebibytesPerSecond: 1)
        let ends = Self.ends(&readahead, from: 256 * Self.mebibyte, mebibytes: 9)
        #expect(ends == [257, 258, 260, 272, 272, 272, 272, 272, 280])
        #expect(Self.ends(&readahead, from: 511 * Self.mebibyte, mebibytes: 3) == [512, 513, 515])
    }

    @Test func `single reads get their chunks alone`() {
        var readahead = Self.readahead(mebibytesPerSecond: 1_000)
        for index: Int64 in [500, 3, 900, 40, 501, 1_023] {
            let offset = index * Self.mebibyte + 4_096
            let chunk = index * Self.mebibyte..<(index + 1) * Self.mebibyte
            #expect(readahead.plan(reading: offset..<offset + 4_096) == .init(needed: chunk, ahead: chunk))
            let nothing = chunk.upperBound..<chunk.upperBound
            #expect(readahead.plan(reading: offset..<offset + 8_192) == .init(needed: chunk, ahead: nothing))
        }
        let offset = 600 * Self.mebibyte - 100
        let both = 599 * Self.mebibyte..<601 * Self.mebibyte
        #expect(readahead.plan(reading: offset..<offset + 200) == .init(needed: both, ahead: both))
    }

    @Test func `reads in any order are one reader's`() {
        var readahead = Self.readahead(mebibytesPerSecond: 1_000)
        var asked = ByteRanges()
        for index: Int64 in [1, 0, 3, 2, 5, 7, 4, 6, 8, 10, 9] {
            let range = index * Self.page..<(index + 1) * Self.page
            let plan = readahead.plan(reading: range)
            #expect(plan.needed.upperBound == 8 * Self.mebibyte)
            #expect(plan.ahead.isEmpty || asked.missing(in: plan.ahead) == [plan.ahead])
            asked.insert(plan.ahead)
        }
        #expect(asked.missing(in: 0..<16 * Self.mebibyte) == [])
    }

    @Test func `what was asked for is not asked for again while others read elsewhere`() {
        var readahead = Self.readahead(mebibytesPerSecond: 1_000)
        _ = Self.ends(&readahead, from: 0, mebibytes: 4)
        for index in Int64(100)..<120 {
            _ = readahead.plan(reading: 4 * index * Self.mebibyte..<4 * index * Self.mebibyte + 1)
        }
        let plan = readahead.plan(reading: 4 * Self.mebibyte..<4 * Self.mebibyte + Self.page)
        #expect(plan.ahead == 40 * Self.mebibyte..<40 * Self.mebibyte)
    }
}
