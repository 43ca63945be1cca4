@testable import ClaroAPI
@testable import ClaroFS

extension FuzzTarget {
    /// Numbers of the API: sizes, times, counts. Each line is one.
    static let numbers = FuzzTarget(
        name: "numbers",
        sources: ["ClaroAPI/DecimalNumber.swift", "ClaroAPI/Timestamp.swift"]
    ) { bytes in
        let numbers = bytes.lines.prefix(4).compactMap { line in DecimalNumber(line).map { (text: line, value: $0) } }
        for (text, number) in numbers {
            try check(!(number < number) && number == number, "a number is itself")
            if let integer = Int64(text) { try check(number.exactInteger == integer, "\(integer) is read exactly") }
            if let integer = number.exactInteger, integer.magnitude < 1 << 53 {
                try check(Double(text) == Double(integer), "\(text) is \(integer)")
            }
            try checkTimestamp(text)
            for (otherText, other) in numbers {
                try check([number < other, other < number, number == other].count { $0 } == 1, "numbers have an order")
                guard let double = Double(text), let otherDouble = Double(otherText) else { continue }
                let isClear = abs(double - otherDouble) > 1e-9 * max(abs(double), abs(otherDouble))
                if isClear { try check((number < other) == (double < otherDouble), "\(text), \(otherText): the order") }
            }
        }
    }

    private static func checkTimestamp(_ text: String) throws {
        guard let time = Timestamp(.number(text)) else { return }
        try check(time > Timestamp(seconds: 0), "no time is zero or negative")
        try check((0..<1_000_000_000).contains(time.nanoseconds), "nanoseconds are less than a second")
        try check(Timestamp(sinceEpoch: time.sinceEpoch) == time, "\(time) is kept as it is")
        try check(time.duration(to: time) == .zero, "a time is no time after itself")
    }
}
