/// Decides how much of a large attachment to ask for, from the reads that come.
///
/// Who reads from the beginning gets whole segments, and more of them ahead of him the farther he has come. Who begins in
/// the middle gets the chunks that he reads, as much again each time he goes on, and soon segments as well. Nothing is
/// asked for ahead of who does not read on.
struct Readahead: Sendable {
    /// What one request brings at most; segments begin at multiples of it.
    static let segmentByteCount: Int64 = 8 << 20
    /// Segments that are asked for ahead of a reader, at most. With half as many a line of 1 GB/s waits for answers.
    static let segmentBound: Int64 = 16
    /// One of them for this much that was read, so that who stops early costs little.
    private static let byteCountPerSegment: Int64 = 1 << 20
    /// And no more of them than arrive in this time: longer than a round trip takes, and where bytes come slowly they
    /// should be the next ones.
    private static let span: Duration = .milliseconds(500)
    /// From here on who began in the middle gets whole segments.
    private static let streamingByteCount: Int64 = 4 << 20
    private static let streamBound = 32

    struct Plan: Equatable {
        /// What to ask for if not all of the read's bytes are there or on their way.
        let needed: Range<Int64>
        /// What to ask for as well, as nobody has done so yet.
        let ahead: Range<Int64>
    }

    /// Reads that follow each other. The one that was used last is the last one.
    private var streams: [Stream] = []
    private var rate = ArrivalRate()

    /// Takes note of a read of `range`, which may be empty.
    mutating func plan(reading range: Range<Int64>) -> Plan {
        let start = range.lowerBound.roundedDown(to: Stream.chunkByteCount)
        let index = streams.lastIndex { $0.isContinued(by: range) }
        var stream = index.map { streams.remove(at: $0) } ?? Stream(start: start)
        if streams.count == Self.streamBound { streams.removeFirst() }
        stream.position = max(stream.position, range.upperBound)
        let before = stream.end
        let end = max(range.upperBound, start + 1)
        let count = stream.position - stream.start
        let isStreaming = stream.start == 0 || count >= Self.streamingByteCount
        let needed = start..<end.roundedUp(to: isStreaming ? Self.segmentByteCount : Stream.chunkByteCount)
        if isStreaming {
            let arriving = rate.byteCount(within: Self.span) / Self.segmentByteCount
            let segments = min(Self.segmentBound, count / Self.byteCountPerSegment, max(1, arriving))
            let current = max(stream.position, end).roundedUp(to: Self.segmentByteCount)
            stream.end = max(before, current + segments * Self.segmentByteCount)
        } else if needed.upperBound > before {
            let asMuchAgain = min(2 * before - stream.start, end.roundedUp(to: Self.segmentByteCount))
            stream.end = max(needed.upperBound, asMuchAgain)
        }
        streams.append(stream)
        return Plan(needed: needed, ahead: before..<stream.end)
    }

    /// Takes note of bytes that came.
    mutating func received(byteCount: Int, at now: ContinuousClock.Instant) { rate.add(byteCount, at: now) }
}

private struct Stream: Sendable {
    static let chunkByteCount = CacheDatabase.chunkByteCount

    let start: Int64
    /// How far the reads have come.
    var position: Int64
    /// How far was asked for.
    var end: Int64

    init(start: Int64) {
        self.start = start
        position = start
        end = start
    }

    /// The kernel reads ahead on many threads, so that its reads come in any order. They are close together.
    func isContinued(by range: Range<Int64>) -> Bool {
        let nearby = max(start, position - 2 * Self.chunkByteCount)...position + Self.chunkByteCount
        return nearby.contains(range.lowerBound)
    }
}

/// How fast bytes come while they come: over the last second, more or less.
private struct ArrivalRate: Sendable {
    private var byteCount: Int64 = 0
    /// Of the first that came, whose bytes do not count, and of the last.
    private var times: (first: ContinuousClock.Instant, last: ContinuousClock.Instant)?

    private static let memory: Duration = .seconds(1)

    mutating func add(_ count: Int, at now: ContinuousClock.Instant) {
        guard let times, now - times.last < Self.memory else {
            byteCount = 0
            times = (now, now)
            return
        }
        byteCount += Int64(count)
        self.times = (times.first, now)
        if now - times.first > Self.memory {
            // The older half is forgotten.
            byteCount /= 2
            self.times = (times.first + (now - times.first) / 2, now)
        }
    }

    func byteCount(within span: Duration) -> Int64 {
        guard let times, times.last > times.first else { return 0 }
        return Int64(Double(byteCount) * (span / (times.last - times.first)))
    }
}

extension Int64 {
    fileprivate func roundedDown(to unit: Int64) -> Int64 { self / unit * unit }

    fileprivate func roundedUp(to unit: Int64) -> Int64 { (self + unit - 1) / unit * unit }
}
