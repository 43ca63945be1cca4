import Testing

@testable import ClaroAPI

struct RetryPolicyTests {
    private let policy = RetryPolicy()

    @Test(arguments: [(1, 1), (2, 2), (3, 4)])
    func `a 429 that names no time is retried after 1, 2 and 4 seconds`(attempt: Int, seconds: Int) {
        #expect(policy.delay(after: attempt, .rateLimited, hint: nil, random: 0.9) == .seconds(seconds))
    }

    @Test(arguments: [(1, 250), (2, 500), (3, 1000)])
    func `a fault on the way is retried after doubling waits with jitter`(attempt: Int, milliseconds: Int) {
        let shortest = policy.delay(after: attempt, .faultOnTheWay, hint: nil, random: 0)
        let middle = policy.delay(after: attempt, .faultOnTheWay, hint: nil, random: 0.5)
        #expect(shortest == .milliseconds(milliseconds))
        #expect(middle == .milliseconds(milliseconds * 3 / 2))
    }

    @Test func `after the fourth attempt it is over`() {
        #expect(policy.delay(after: 4, .faultOnTheWay, hint: nil, random: 0) == nil)
        #expect(policy.delay(after: 4, .rateLimited, hint: .seconds(1), random: 0) == nil)
    }

    @Test func `what the server asks for is waited, and a little more`() {
        #expect(policy.delay(after: 1, .rateLimited, hint: .seconds(7), random: 0) == .seconds(7))
        #expect(policy.delay(after: 1, .rateLimited, hint: .seconds(7), random: 0.5) == .milliseconds(7125))
    }
}
