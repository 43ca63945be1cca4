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

    /// The parts of `range` that are not there.
    func missing(in range: Range<Int64>) -> [Range<Int64>] {
        var missing: [Range<Int64>] = []
        var position = range.lowerBound
        for present in ranges where present.overlaps(range) {
            if present.lowerBound > position { missing.append(position..<present.lowerBound) }
            position = present.upperBound
        }
        if position < range.upperBound { missing.append(position..<range.upperBound) }
        return missing
    }

    /// All that is there, cut at the multiples of `unit`.
    func pieces(of unit: Int64) -> [Range<Int64>] {
        ranges.flatMap { range in
            stride(from: range.lowerBound / unit * unit, to: range.upperBound, by: Int64.Stride(unit)).map {
                range.clamped(to: $0..<$0 + unit)
            }
        }
    }
}
