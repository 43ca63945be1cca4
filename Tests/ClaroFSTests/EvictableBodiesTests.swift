import ClaroAPI
import Testing

@testable import ClaroFS

struct EvictableBodiesTests {
    private func key(_ number: Int) -> VersionKey {
        VersionKey(PromptName(namespace: "acme", slug: "p\(number)")!, .published(1))
    }

    @Test func `those go first that came first, and only as many as must`() {
        var bodies = EvictableBodies()
        let evicted = (0..<12).map { bodies.add(key($0), byteCount: 1 << 20) }
        #expect(evicted == Array(repeating: [], count: 8) + (0..<4).map { [key($0)] })
        #expect(!bodies.contains(key(3)) && bodies.contains(key(4)))
    }

    @Test func `one that is larger than all may stay, alone`() {
        var bodies = EvictableBodies()
        #expect(bodies.add(key(0), byteCount: 1) == [])
        #expect(bodies.add(key(1), byteCount: 1 << 30) == [key(0)])
        #expect(bodies.contains(key(1)))
        #expect(bodies.add(key(2), byteCount: 1) == [key(1)])
    }

    @Test func `what is renewed a thousand times is remembered once, and goes when its last time is the longest ago`() {
        var bodies = EvictableBodies()
        for _ in 0..<1000 {
            for number in 0..<3 {
                bodies.remove(key(number))
                #expect(bodies.add(key(number), byteCount: 1 << 20) == [])
            }
        }
        #expect(bodies.placeCount < 100)
        bodies.remove(key(0))
        for number in [0, 3, 4, 5, 6, 7] { #expect(bodies.add(key(number), byteCount: 1 << 20) == []) }
        #expect(bodies.add(key(8), byteCount: 1 << 20) == [key(1)])
    }

    @Test func `what was removed takes no room`() {
        var bodies = EvictableBodies()
        for number in 0..<8 { #expect(bodies.add(key(number), byteCount: 1 << 20) == []) }
        bodies.remove(key(5))
        #expect(bodies.add(key(8), byteCount: 1 << 20) == [])
        #expect(bodies.add(key(9), byteCount: 1 << 20) == [key(0)])
    }
}
