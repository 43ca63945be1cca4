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

    @Test func `bodies that are to be renewed leave memory like all others, but while they are`() throws {
        var state = Library.State()
        let now = ContinuousClock.now
        let text = Array(String(repeating: "a", count: 1 << 20).utf8)
        let prompt = try #require(
            Prompt(metadata: Array("{}".utf8), content: text, systemPrompt: nil, critiquePrompt: nil, etag: nil)
        )
        let body = VersionBody(prompt, previous: nil, isPublished: true, fallbackTime: .now())
        for number in 0..<24 {
            state.bodies[key(number), default: Renewable()].fetched(body, freshUntil: nil)
            state.evict(toMakeRoomFor: body, of: key(number))
            for key in state.bodies.keys { state.bodies[key]?.expire(at: now) }
            guard number == 0 else { continue }
            _ = state.bodies[key(0)]?.step(at: now, if: { _ in false }) {
                SharedFetch { () async throws(APIError) in body }
            }
        }
        #expect(state.bodies.count == 7, "of a little more than a MiB each")
        #expect(state.bodies[key(0)] != nil)
        #expect(state.bodies.keys.allSatisfy(state.evictable.contains), "and are known to be stored")
    }

    @Test func `what was removed takes no room`() {
        var bodies = EvictableBodies()
        for number in 0..<8 { #expect(bodies.add(key(number), byteCount: 1 << 20) == []) }
        bodies.remove(key(5))
        #expect(bodies.add(key(8), byteCount: 1 << 20) == [])
        #expect(bodies.add(key(9), byteCount: 1 << 20) == [key(0)])
    }
}
