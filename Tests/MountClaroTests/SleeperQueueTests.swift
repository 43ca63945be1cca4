import Testing

@testable import mount_claro

struct SleeperQueueTests {
    private let start = ContinuousClock.now

    @Test func `whoever wakes first is first, in whatever order they came`() {
        var random = SystemRandomNumberGenerator()
        var queue = SleeperQueue<Int>()
        var delays: [Int] = []
        var woken: [Int] = []
        for now in stride(from: 0, to: 1_000, by: 10) {
            for _ in 0..<20 {
                let delay = now + Int.random(in: 1...500, using: &random)
                let isFirst = queue.add(delay, wakesAt: start + .milliseconds(delay))
                #expect(isFirst == (queue.next == start + .milliseconds(delay) && !delays.contains(delay)))
                delays.append(delay)
            }
            let due = queue.takeDue(at: start + .milliseconds(now))
            #expect(due == delays.filter { $0 <= now }.sorted())
            delays.removeAll { $0 <= now }
            woken += due
            #expect(queue.next == delays.min().map { start + .milliseconds($0) })
        }
        woken += queue.takeDue(at: start + .seconds(10))
        #expect(woken.count == 2_000)
        #expect(queue.next == nil)
    }

    @Test func `nobody wakes before the time`() {
        var queue = SleeperQueue<String>()
        let areFirst = [("late", 2_000), ("early", 1_000), ("as early", 1_000)].map { name, delay in
            queue.add(name, wakesAt: start + .milliseconds(delay))
        }
        #expect(areFirst == [true, true, false])
        let woken = [999, 1_000, 2_000].map { delay in queue.takeDue(at: start + .milliseconds(delay)) }
        #expect(woken.map(\.count) == [0, 2, 1])
        #expect(woken.last == ["late"])
    }
}
