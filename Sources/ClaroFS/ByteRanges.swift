/// Which bytes of a file are there.
struct ByteRanges: Sendable {
    /// Sorted, apart from each other, none empty.
    private var ranges: [Range<Int64>] = []

    var byteCount: Int64 { ranges.reduce(0) { $0 + Int64($1.count) } }

    mutating func insert(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        let first = ranges.firstIndex { $0.upperBound >= range.lowerBound } ?? ranges.endIndex
        let last = ranges[first...].firstIndex { $0.lowerBound > range.upperBound } ?? ranges.endIndex
        let joined = ranges[first..<last].reduce(range) {
            min($0.lowerBound, $1.lowerBound)..<max($0.upperBound, $1.upperBound)
        }
        ranges.replaceSubrange(first..<last, with: [joined])
    }

    mutating func remove(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        ranges = ranges.flatMap {
            [$0.clamped(to: 0..<range.lowerBound), $0.clamped(to: range.upperBound..<Int64.max)]
        }
        .filter { !$0.isEmpty }
    }

    /// The first byte at or after `offset` that is not there.
    func firstMissing(from offset: Int64) -> Int64 {
        ranges.first { $0.contains(offset) }?.upperBound ?? offset
    }

    func contains(_ range: Range<Int64>) -> Bool {
        range.isEmpty || firstMissing(from: range.lowerBound) >= range.upperBound
    }
}
