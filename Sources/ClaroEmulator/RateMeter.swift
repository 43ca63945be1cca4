import Foundation

/// Counts each key's requests in fixed windows of a minute and an hour.
struct RateMeter: Sendable {
    private struct Window {
        var startedAt: Int64
        var count = 0
    }

    private struct Usage {
        var minute: Window
        var hour: Window
    }

    struct Verdict: Sendable {
        let limit: Int
        let remaining: Int
        /// Seconds since 1970.
        let resetAt: Int64
        /// Seconds to wait; nil when the request is within the limits.
        let retryAfter: Int?
    }

    private var usage: [String: Usage] = [:]

    /// Counts one request of `key` at `now` (seconds since 1970). The numbers are those of the minute, or of the hour
    /// once that is spent.
    mutating func count(_ key: String, limits: Emulator.Configuration.RateLimits, now: Int64) -> Verdict {
        var used = usage[key] ?? Usage(minute: Window(startedAt: now), hour: Window(startedAt: now))
        if now - used.minute.startedAt >= 60 { used.minute = Window(startedAt: now) }
        if now - used.hour.startedAt >= 3_600 { used.hour = Window(startedAt: now) }
        let isHourSpent = used.hour.count >= limits.perHour
        let isMinuteSpent = used.minute.count >= limits.perMinute
        if !isHourSpent, !isMinuteSpent {
            used.minute.count += 1
            used.hour.count += 1
        }
        usage[key] = used
        let resetAt = isHourSpent ? used.hour.startedAt + 3_600 : used.minute.startedAt + 60
        return Verdict(
            limit: isHourSpent ? limits.perHour : limits.perMinute,
            remaining: isHourSpent ? 0 : min(limits.perMinute - used.minute.count, limits.perHour - used.hour.count),
            resetAt: resetAt,
            retryAfter: isHourSpent || isMinuteSpent ? Int(max(1, resetAt - now)) : nil
        )
    }
}

/// The signed URLs that were given out.
struct SignedURLs: Sendable {
    private struct Grant {
        let item: String
        let expiresAt: ContinuousClock.Instant
        var isUsed = false
    }

    private var grants: [String: Grant] = [:]
    private var random = SplitMix64(seed: 0x5EED)

    mutating func sign(_ item: String, lifetime: Duration, now: ContinuousClock.Instant = .now) -> String {
        // Those that ended long ago go, so that a long run does not keep every one it ever made.
        if grants.count > 10_000 { grants = grants.filter { $0.value.expiresAt > now } }
        let signature = String(random.next(), radix: 16) + String(random.next(), radix: 16)
        grants[signature] = Grant(item: item, expiresAt: now + lifetime)
        return signature
    }

    /// Whether `signature` opens `item` now.
    mutating func redeem(
        _ signature: String,
        for item: String,
        once: Bool,
        now: ContinuousClock.Instant = .now
    ) -> Bool {
        guard var grant = grants[signature], grant.item == item, grant.expiresAt > now, !(once && grant.isUsed) else {
            return false
        }
        grant.isUsed = true
        grants[signature] = grant
        return true
    }
}
