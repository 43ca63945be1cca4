/// Sizes as people write them in options: `1000000` (bytes), `64K`, `512M`, `1G`, `2T`, in powers of 1024.
package enum ByteCountText {
    private static let units: [(suffix: String, byteCount: Int64)] = [
        ("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10),
    ]

    /// Nil where `text` is no such size, or does not fit 63 bits.
    package static func read(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text[digits.endIndex...].uppercased()
        guard let number = Int64(digits) else { return nil }
        if suffix.isEmpty { return number }
        guard let unit = units.first(where: { $0.suffix == suffix }) else { return nil }
        let (byteCount, hasOverflowed) = number.multipliedReportingOverflow(by: unit.byteCount)
        return hasOverflowed ? nil : byteCount
    }

    /// The largest unit that divides.
    package static func write(_ byteCount: Int64) -> String {
        guard byteCount > 0, let unit = units.first(where: { byteCount % $0.byteCount == 0 }) else {
            return "\(byteCount)"
        }
        return "\(byteCount / unit.byteCount)\(unit.suffix)"
    }
}
