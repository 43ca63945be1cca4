/// Times as people write them in options: `60` (seconds), `500ms`, `30s`, `5m`, `1h`, `1d`.
package enum DurationText {
    /// Units from the largest to the smallest, with their length in milliseconds.
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Nil where `text` is no such time, or does not fit 63 bits of milliseconds.
    package static func read(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = digits.endIndex == text.endIndex ? "s" : text[digits.endIndex...]
        guard let number = Int64(digits), let unit = units.first(where: { $0.suffix == suffix }) else { return nil }
        let (milliseconds, hasOverflowed) = number.multipliedReportingOverflow(by: unit.milliseconds)
        return hasOverflowed ? nil : .milliseconds(milliseconds)
    }

    /// The shortest exact form: seconds up to two minutes, beyond that the largest unit that divides. Whole
    /// milliseconds only.
    package static func write(_ duration: Duration) -> String {
        let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
        if milliseconds <= 120_000 { return "\(milliseconds / 1000)s" }
        let unit = units.first { milliseconds % $0.milliseconds == 0 } ?? ("ms", 1)
        return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
}
