import ClaroAPI

/// For how long what was learnt may be used without asking again. Every rule about lifetimes is here.
package struct Freshness: Sendable {
    /// The listing, and what `latest` points to.
    package var ttl: Duration = .seconds(60)
    package var draftTTL: Duration = .seconds(5)
    /// That something does not exist.
    package var negativeTTL: Duration = .seconds(10)
    /// Metadata and context list of a published version; nil: for ever, like its texts.
    package var metadataTTL: Duration?

    package init() {}

    /// A year: for the kernel as good as for ever, which it cannot be told.
    static let forever: Duration = .seconds(365 * 86_400)

    /// The budget that a key has for an hour (api-reference/rate-limits), of which a tenth may go into listings.
    private static let listingPagesPerHour = 10_000 / 10
    /// So many of them may come close together: somebody who asks for a short `ttl` gets it for a while.
    private static let listingPageBurst = 100
    /// Listings of more pages than these are stretched with the default `ttl`, too, and have no burst.
    private static let smallPageCount = 16

    /// `ttl`, stretched so that renewing the listing again and again stays within its share of the budget: 100,000 prompts
    /// are 1,000 pages and are renewed once an hour. `recentPageCount` pages were fetched in the last hour.
    func listingLifetime(pageCount: Int, recentPageCount: Int) -> Duration {
        func spread(over pagesPerHour: Int) -> Duration { .seconds(3600) * pageCount / pagesPerHour }
        guard ttl < spread(over: Self.listingPagesPerHour) else { return ttl }
        guard pageCount <= Self.smallPageCount else { return spread(over: Self.listingPagesPerHour) }
        if recentPageCount + pageCount <= Self.listingPageBurst { return ttl }
        return max(ttl, spread(over: Self.listingPagesPerHour - Self.listingPageBurst))
    }

    /// How long a version's body may be used, nil for ever.
    func lifetime(of selector: VersionKey.Selector) -> Duration? {
        switch selector {
        case .latest: ttl
        case .version(.draft): draftTTL
        case .version(.published): metadataTTL
        }
    }
}

/// When to try again what failed: after 10 s, then doubling up to a minute, like the client's breaker. Meanwhile what
/// is cached is served without waiting.
struct RetryBackoff: Sendable {
    private static let shortest: Duration = .seconds(10)
    private static let longest: Duration = .seconds(60)

    private var delay: Duration = shortest
    private var until: ContinuousClock.Instant?

    func isWaiting(at now: ContinuousClock.Instant) -> Bool { until.map { now < $0 } ?? false }

    mutating func failed(at now: ContinuousClock.Instant) {
        until = now + delay
        delay = min(delay * 2, Self.longest)
    }

    mutating func succeeded() { self = RetryBackoff() }
}
