import Testing

@testable import ClaroAPI

struct CircuitBreakerTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        breaker.record(.unreachable, of: "a", wasProbe: false, at: start)
        return breaker
    }

    @Test func `one refused connection opens it for ten seconds`() {
        var breaker = opened()
        #expect(breaker.admit(at: start) == .refused(.unreachable))
        #expect(breaker.admit(at: at(9)) == .refused(.unreachable))
        #expect(breaker.admit(at: at(10)) == .probe)
        #expect(breaker.statistics(at: at(4)) == .probing)
    }

    @Test(arguments: [.timeout, .serverFault, .connectionLost] as [APIError.Code])
    func `three faults of different things in a row open it`(code: APIError.Code) {
        var breaker = CircuitBreaker()
        for subject in ["a", "b"] {
            breaker.record(.faulty(code), of: subject, wasProbe: false, at: start)
            #expect(breaker.admit(at: start) == .admitted)
        }
        breaker.record(.faulty(code), of: "c", wasProbe: false, at: start)
        #expect(breaker.admit(at: start) == .refused(code))
        #expect(breaker.statistics(at: at(1)) == .open(code, remaining: .seconds(9)))
    }

    @Test func `one prompt that always fails does not`() {
        var breaker = CircuitBreaker()
        for _ in 0..<100 { breaker.record(.faulty(.serverFault), of: "a", wasProbe: false, at: start) }
        #expect(breaker.admit(at: start) == .admitted)
    }

    @Test func `any sign of life in between starts the count again`() {
        var breaker = CircuitBreaker()
        breaker.record(.faulty(.timeout), of: "a", wasProbe: false, at: start)
        breaker.record(.faulty(.timeout), of: "b", wasProbe: false, at: start)
        breaker.record(.alive, of: "x", wasProbe: false, at: start)
        breaker.record(.faulty(.timeout), of: "c", wasProbe: false, at: start)
        #expect(breaker.admit(at: start) == .admitted)
    }

    @Test func `one probe is let through, and its success closes it`() {
        var breaker = opened()
        #expect(breaker.admit(at: at(10)) == .probe)
        #expect(breaker.admit(at: at(10)) == .refused(.unreachable))
        breaker.record(.alive, of: "b", wasProbe: true, at: at(11))
        #expect(breaker.admit(at: at(11)) == .admitted)
        #expect(breaker.statistics(at: at(11)) == .closed)
    }

    @Test func `each probe that fails doubles the wait, up to a minute`() {
        var breaker = opened()
        var now = start
        for seconds in [10, 20, 40, 60, 60] {
            now += .seconds(seconds) - .nanoseconds(1)
            #expect(breaker.admit(at: now) == .refused(.unreachable))
            now += .nanoseconds(1)
            #expect(breaker.admit(at: now) == .probe)
            breaker.record(.unreachable, of: "a", wasProbe: true, at: now)
        }
    }

    @Test func `calls that were under way when it opened do not prolong it`() {
        var breaker = opened()
        breaker.record(.unreachable, of: "b", wasProbe: false, at: at(5))
        #expect(breaker.admit(at: at(10)) == .probe)
        breaker.record(.unreachable, of: "c", wasProbe: false, at: at(12))
        breaker.record(.alive, of: "a", wasProbe: true, at: at(13))
        #expect(breaker.admit(at: at(13)) == .admitted)
    }

    @Test func `after a probe that was cancelled the next call is the probe`() {
        var breaker = opened()
        #expect(breaker.admit(at: at(10)) == .probe)
        breaker.record(.none, of: "a", wasProbe: true, at: at(11))
        #expect(breaker.admit(at: at(11)) == .probe)
    }
}
