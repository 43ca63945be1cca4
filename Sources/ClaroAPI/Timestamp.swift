import Glibc

/// A point in time as the API tells it, kept to the nanosecond, since 1970 and without leap seconds.
package struct Timestamp: Hashable, Sendable, Comparable {
    package let seconds: Int64
    /// 0 to 999,999,999.
    package let nanoseconds: Int32

    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Reads an epoch in milliseconds or in seconds, with or without a fraction.
    ///
    /// The API's pages disagree about the unit. A number of at least 1e11 is milliseconds: as seconds it would be
    /// after the year 5138, as milliseconds it is from 1973 on. Fails on what is no number, zero, negative, or in
    /// or after the year 2262.
    package init?(_ value: JSONValue) {
        guard case .number(let text) = value, let number = DecimalNumber(text) else { return nil }
        let isMilliseconds = number >= DecimalNumber(significand: 1, exponent: 11)
        guard let total = number.integer(scaledBy: isMilliseconds ? 6 : 9), total > 0 else { return nil }
        let seconds = total / 1_000_000_000
        guard seconds <= Self.bound else { return nil }
        self.init(seconds: Int64(seconds), nanoseconds: Int32(total % 1_000_000_000))
    }

    /// The system's clock.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// From this point to `other`; negative if that is before.
    package func duration(to other: Timestamp) -> Duration {
        .seconds(other.seconds - seconds) + .nanoseconds(other.nanoseconds - nanoseconds)
    }

    /// Up to here 64 bits of nanoseconds reach, in which times are stored.
    private static let bound = Int128(Int64.max / 1_000_000_000) - 1
}
