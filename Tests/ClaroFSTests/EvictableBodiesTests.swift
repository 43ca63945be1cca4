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

    @Test func `what was removed takes no room`() {
        var bodies = EvictableBodies()
        for number in 0..<8 { #expect(bodies.add(key(number), byteCount: 1 << 20) == []) }
        bodies.remove(key(5))
        #expect(bodies.add(key(8), byteCount: 1 << 20) == [])
        #expect(bodies.add(key(9), byteCount: 1 << 20) == [key(0)])
    }
}
