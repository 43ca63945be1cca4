/// The exact value of a JSON number's text: `significand` × 10^`exponent`.
///
/// A `Double` would not do: nanoseconds since 1970 need 61 bits.
struct DecimalNumber: Comparable {
    let significand: Int128
    let exponent: Int

    init(significand: Int128, exponent: Int) {
        self.significand = significand
        self.exponent = exponent
    }

    /// Reads what the JSON grammar allows; digits after the 30th significant one are dropped.
    ///
    /// Fails where the exponent is out of any sensible range, and on text that is no number.
    init?(_ text: some StringProtocol) {
        var significand: Int128 = 0
        var exponent = 0
        var bytes = text.utf8.makeIterator()
        var byte = bytes.next()
        let isNegative = byte == UInt8(ascii: "-")
        if isNegative { byte = bytes.next() }
        var isFraction = false
        var digitCount = 0
        while let current = byte, current != UInt8(ascii: "e"), current != UInt8(ascii: "E") {
            if current == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else {
                guard (0x30...0x39).contains(current) else { return nil }
                digitCount += 1
                if significand < Self.significandBound {
                    significand = significand * 10 + Int128(current - 0x30)
                    exponent -= isFraction ? 1 : 0
                } else {
                    exponent += isFraction ? 0 : 1
                }
            }
            byte = bytes.next()
        }
        guard digitCount > 0 else { return nil }
        if byte != nil {
            let digits = String(decoding: Array(IteratorSequence(bytes)), as: UTF8.self)
            guard let power = Int(digits), power.magnitude < Self.exponentBound else { return nil }
            exponent += power
        }
        guard abs(exponent) < Self.exponentBound else { return nil }
        self.init(significand: isNegative ? -significand : significand, exponent: exponent)
    }

    /// The value × 10^`power`, rounded towards zero; nil if that exceeds 128 bits.
    func integer(scaledBy power: Int = 0) -> Int128? {
        var result = significand
        var left = exponent + power
        while left > 0, result != 0 {
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            result = product
            left -= 1
        }
        while left < 0, result != 0 {
            result /= 10
            left += 1
        }
        return result
    }

    /// The value as a whole number, nil if it has a fraction or does not fit.
    var exactInteger: Int64? {
        guard let whole = integer(), DecimalNumber(significand: whole, exponent: 0) == self else { return nil }
        return Int64(exactly: whole)
    }

    static func == (left: DecimalNumber, right: DecimalNumber) -> Bool {
        !(left < right) && !(right < left)
    }

    static func < (left: DecimalNumber, right: DecimalNumber) -> Bool {
        let exponent = min(left.exponent, right.exponent)
        let leftValue = left.integer(scaledBy: -exponent)
        let rightValue = right.integer(scaledBy: -exponent)
        return switch (leftValue, rightValue) {
        case (let leftValue?, let rightValue?): leftValue < rightValue
        case (nil, _): left.significand < 0
        case (_, nil): right.significand > 0
        }
    }

    /// Leaves room for one more digit and for scaling seconds to nanoseconds.
    private static let significandBound: Int128 = 100_000_000_000_000_000_000_000_000_000
    /// Nothing that the API counts comes near; keeps `integer(scaledBy:)` short.
    private static let exponentBound = 10_000
}
