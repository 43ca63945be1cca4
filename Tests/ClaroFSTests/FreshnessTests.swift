import ClaroAPI
import Testing

@testable import ClaroFS

struct FreshnessTests {
    @Test(arguments: [(1, 60), (16, 60), (17, 61), (100, 360), (1_000, 3_600)])
    func `a long listing is believed for longer than ttl`(pages: Int, seconds: Int) {
        let lifetime = Freshness().listingLifetime(pageCount: pages, recentPageCount: 0)
        #expect(lifetime >= .seconds(seconds) && lifetime < .seconds(seconds + 1))
    }

    @Test(arguments: [(1, 100), (1, 1_000), (7, 1_000), (16, 5_000), (16, 60_000), (17, 1_000), (300, 1_000)])
    func `renewing listings takes at most a tenth of the hour's budget`(pages: Int, ttl: Int) {
        var freshness = Freshness()
        freshness.ttl = .milliseconds(ttl)
        // Somebody lists again whenever he can, for three hours.
        var fetches: [Duration] = []
        var now = Duration.zero
        while now < .seconds(3 * 3600) {
            let recent = fetches.count { $0 >= now - .seconds(3600) } * pages
            #expect(recent <= 1_000)
            fetches.append(now)
            now += freshness.listingLifetime(pageCount: pages, recentPageCount: recent)
        }
    }

    @Test func `a published version is fresh for ever, unless metadata_ttl says otherwise`() {
        var freshness = Freshness()
        #expect(freshness.lifetime(of: .version(.published(3))) == nil)
        freshness.metadataTTL = .seconds(9)
        #expect(freshness.lifetime(of: .version(.published(3))) == .seconds(9))
        #expect(freshness.lifetime(of: .version(.draft)) == .seconds(5))
        #expect(freshness.lifetime(of: .latest) == .seconds(60))
    }

    @Test func `what fails is tried again after 10 s, doubling to a minute, and at once after a success`() {
        let start = ContinuousClock.now
        var backoff = RetryBackoff()
        #expect(!backoff.isWaiting(at: start))
        var waits: [Int] = []
        for _ in 0..<5 {
            backoff.failed(at: start)
            waits.append((0...100).first { !backoff.isWaiting(at: start + .seconds($0)) } ?? -1)
        }
        #expect(waits == [10, 20, 40, 60, 60])
        backoff.succeeded()
        #expect(!backoff.isWaiting(at: start))
    }
}
