import Testing

@testable import ClaroAPI

struct TimestampTests {
    @Test(
        arguments: [
            ("1705497600", 1_705_497_600, 0),
            ("1705497600.25", 1_705_497_600, 250_000_000),
            ("1705497600000", 1_705_497_600, 0),
            ("1705497600123", 1_705_497_600, 123_000_000),
            ("1705497600123.456789", 1_705_497_600, 123_456_789),
            ("1.7054976e12", 1_705_497_600, 0),
            ("9223372035", 9_223_372_035, 0),
            ("100000000000", 100_000_000, 0),
            ("0.5", 0, 500_000_000),
            ("9223372035999.999999", 9_223_372_035, 999_999_999),
        ] as [(String, Int64, Int32)]
    )
    func `from 1e11 on a number is milliseconds, below it seconds`(text: String, seconds: Int64, nanoseconds: Int32) {
        #expect(Timestamp(.number(text)) == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(
        arguments: [
            "0", "-1", "-1705497600000", "9223372036", "9223372036000", "1e300", "-1e300", "1e-300", "1e99999999999",
            "1e-9223372036854775808", "1e9223372036854775807",
        ]
    )
    func `what can be no time is none`(text: String) {
        #expect(Timestamp(.number(text)) == nil)
    }

    @Test(arguments: [.null, .string("1705497600"), .bool(true), .array([])] as [JSONValue])
    func `what is no number is no time`(value: JSONValue) {
        #expect(Timestamp(value) == nil)
    }

    @Test(
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Fri, 31 Dec 2100 00:00:00 GMT", 4_133_894_400),
        ] as [(String, Int64)]
    )
    func `an HTTP date is read`(text: String, seconds: Int64) {
        #expect(HTTPDate.timestamp(text) == Timestamp(seconds: seconds))
    }

    @Test(arguments: ["", "60", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 6 Nov 94 8:49 GMT"])
    func `what is no HTTP date is not`(text: String) {
        #expect(HTTPDate.timestamp(text) == nil)
    }
}
