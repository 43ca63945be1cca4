import Testing

@testable import ClaroAPI

struct RateLimiterTests {
    private let start = ContinuousClock.now
    private let wallTime = Timestamp(seconds: 1_800_000_000)

    private func head(_ fields: [(String, String)], status: Int = 200) throws -> HTTPHead {
        var head = try #require(HTTPHead(statusLine: "HTTP/1.1 \(status) X".utf8))
        for (name, value) in fields { head.append(line: "\(name): \(value)".utf8) }
        return head
    }

    private func limiter(limit: Int, remaining: Int, resetIn seconds: Int64) throws -> RateLimiter {
        var limiter = RateLimiter()
        let fields = [
            ("X-RateLimit-Limit", "\(limit)"), ("X-RateLimit-Remaining", "\(remaining)"),
            ("X-RateLimit-Reset", "\(wallTime.seconds + seconds)"),
        ]
        limiter.note(try head(fields), at: start, wallTime: wallTime)
        return limiter
    }

    @Test func `nothing is sent while the server says that nothing remains`() throws {
        var limiter = try limiter(limit: 100, remaining: 2, resetIn: 30)
        #expect(limiter.reserve(.interactive, at: start) == nil)
        #expect(limiter.reserve(.interactive, at: start) == nil)
        #expect(limiter.reserve(.interactive, at: start) == start + .seconds(30))
        #expect(limiter.reserve(.interactive, at: start + .seconds(30)) == nil)
        #expect(limiter.budget(at: start + .seconds(30)).remaining == 99)
    }

    @Test func `the last quarter of the window is for people`() throws {
        var limiter = try limiter(limit: 100, remaining: 27, resetIn: 30)
        #expect(limiter.reserve(.background, at: start) == nil)
        #expect(limiter.reserve(.background, at: start) == nil)
        #expect(limiter.reserve(.background, at: start) == start + .seconds(30))
        for _ in 0..<25 { #expect(limiter.reserve(.interactive, at: start) == nil) }
        #expect(limiter.reserve(.interactive, at: start) == start + .seconds(30))
    }

    @Test func `an answer that comes late does not raise the budget of its window`() throws {
        var limiter = try limiter(limit: 100, remaining: 5, resetIn: 30)
        let fields = [("X-RateLimit-Remaining", "50"), ("X-RateLimit-Reset", "\(wallTime.seconds + 30)")]
        limiter.note(try head(fields), at: start, wallTime: wallTime)
        #expect(limiter.remaining == 5)
    }

    @Test func `a later reset begins another window`() throws {
        var limiter = try limiter(limit: 100, remaining: 0, resetIn: 30)
        let fields = [("X-RateLimit-Remaining", "99"), ("X-RateLimit-Reset", "\(wallTime.seconds + 90)")]
        limiter.note(try head(fields), at: start, wallTime: wallTime)
        #expect(limiter.reserve(.interactive, at: start) == nil)
    }

    @Test func `the server's own date is what its reset is measured by`() throws {
        var limiter = RateLimiter()
        let fields = [
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Limit", "10"),
            ("X-RateLimit-Reset", "784111797"),
        ]
        limiter.note(try head(fields), at: start, wallTime: wallTime)
        #expect(limiter.reserve(.interactive, at: start) == start + .seconds(20))
    }

    @Test func `without the server's word people are not held to the documented limit, the background is`() {
        var limiter = RateLimiter()
        for _ in 0..<750 { #expect(limiter.reserve(.background, at: start) == nil) }
        #expect(limiter.reserve(.background, at: start) == start + .seconds(60))
        for _ in 0..<2000 { #expect(limiter.reserve(.interactive, at: start) == nil) }
    }

    @Test(arguments: ["1", "-5", "99999999999999999999", "x", ""])
    func `a reset that makes no sense stops nothing for more than an hour`(reset: String) throws {
        var limiter = RateLimiter()
        let fields = [("X-RateLimit-Limit", "10"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", reset)]
        limiter.note(try head(fields), at: start, wallTime: wallTime)
        #expect(limiter.reserve(.interactive, at: start + .seconds(3600)) == nil)
    }

    @Test func `after a 429 everything waits as long as it says`() {
        var limiter = RateLimiter()
        limiter.block(until: start + .seconds(7))
        limiter.block(until: start + .seconds(3))
        #expect(limiter.reserve(.interactive, at: start) == start + .seconds(7))
        #expect(limiter.reserve(.interactive, at: start + .seconds(7)) == nil)
    }

    @Test func `numbers beyond any budget are a large one`() throws {
        var limiter = RateLimiter()
        let most = "\(Int.max)"
        for fields in [
            [("X-RateLimit-Remaining", most)], [("X-RateLimit-Remaining", "5"), ("X-RateLimit-Limit", most)],
        ] {
            limiter.note(try head(fields), at: start, wallTime: wallTime)
            #expect(limiter.reserve(.interactive, at: start) == nil)
            _ = limiter.reserve(.background, at: start)
        }
        #expect(limiter.limit == 1_000_000_000)
    }

    // MARK: Retry-After

    @Test(
        arguments: [
            ([("Retry-After", "7")], nil, 7),
            ([("Retry-After", "0")], nil, 0),
            ([("Retry-After", "-3")], nil, 0),
            ([("Retry-After", "999999999")], nil, 3600),
            ([("Retry-After", "Fri, 15 Jan 2027 08:00:30 GMT")], nil, 30),
            ([("Retry-After", "Fri, 15 Jan 2027 07:00:00 GMT")], nil, 0),
            ([("Retry-After", "soon")], #"{"error":{"retry_after":5}}"#, 5),
            ([], #"{"error":{"retry_after":60}}"#, 60),
            ([("X-RateLimit-Reset", "1800000012")], nil, 12),
            ([("X-RateLimit-Reset", "12")], nil, 12),
            ([("Retry-After", "1"), ("X-RateLimit-Reset", "1800000012")], #"{"error":{"retry_after":5}}"#, 1),
            ([], nil, nil),
        ] as [([(String, String)], String?, Int?)]
    )
    func `Retry-After is seconds or a date, then the body's word, then the window's end`(
        fields: [(String, String)],
        body: String?,
        seconds: Int?
    ) throws {
        let document = try body.map { try JSONValue.parse(Array($0.utf8)) }
        let hint = RetryAfter.hint(in: try head(fields, status: 429), body: document, wallTime: wallTime)
        #expect(hint == seconds.map { .seconds($0) })
    }
}
