/// What something was and is: values one after the other, each from a moment to a moment.
struct SoakHistory<Value: Sendable>: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct Entry {
        let value: Value
        /// From then on somebody can have got it.
        let start: Instant
        /// The last moment at which somebody can have got it; nil: it is so now.
        var end: Instant?
    }

    private var entries: [Entry]

    /// It is `value`, and was it before anybody looked.
    init(_ value: Value, since start: Instant = .now) { entries = [Entry(value: value, start: start)] }

    var current: Value { entries[entries.count - 1].value }

    /// It has become `value` at some moment between `start` and `end`.
    mutating func change(to value: Value, between start: Instant, and end: Instant) {
        entries[entries.count - 1].end = end
        entries.append(Entry(value: value, start: start))
    }

    /// All that it was at some moment of `window`, the newest first. Before its beginning it was what it was first.
    func values(in window: ClosedRange<Instant>) -> [Value] {
        let later = entries.reversed().drop { $0.start > window.upperBound }
        let values = later.prefix { entry in entry.end.map { $0 >= window.lowerBound } ?? true }.map(\.value)
        return values.isEmpty ? [entries[0].value] : values
    }
}
