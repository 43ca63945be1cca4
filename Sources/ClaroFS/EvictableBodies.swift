/// Bodies that the store has as well, up to a number of bytes; then those leave memory that came first.
struct EvictableBodies: Sendable {
    /// Enough for what a walk has ahead of it.
    private static let byteBound = 8 << 20

    private struct Place {
        let key: VersionKey
        let number: UInt64
    }

    private var bodies: [VersionKey: (byteCount: Int, number: UInt64)] = [:]
    private var byteCount = 0
    /// In the order in which they came; those before `head` are gone, and so are those whose number is not that of `bodies`.
    private var order: [Place] = []
    private var head = 0
    private var nextNumber: UInt64 = 0

    func contains(_ key: VersionKey) -> Bool { bodies[key] != nil }

    /// How many places are kept in order, for as many bodies as there are.
    var placeCount: Int { order.count }

    /// Adds one that is not there, whatever room there is.
    mutating func keep(_ key: VersionKey, byteCount count: Int) {
        bodies[key] = (count, nextNumber)
        byteCount += count
        order.append(Place(key: key, number: nextNumber))
        nextNumber += 1
    }

    /// Adds one that is not there; tells which ones must go.
    mutating func add(_ key: VersionKey, byteCount count: Int) -> [VersionKey] {
        keep(key, byteCount: count)
        var evicted: [VersionKey] = []
        while byteCount > Self.byteBound, head < order.count - 1 {
            let oldest = order[head]
            head += 1
            if isTaken(oldest), remove(oldest.key) { evicted.append(oldest.key) }
        }
        // What is renewed comes again and again, and leaves a place behind each time.
        if order.count > 2 * bodies.count + 64 {
            order = order[head...].filter(isTaken)
            head = 0
        }
        return evicted
    }

    @discardableResult
    mutating func remove(_ key: VersionKey) -> Bool {
        guard let body = bodies.removeValue(forKey: key) else { return false }
        byteCount -= body.byteCount
        return true
    }

    private func isTaken(_ place: Place) -> Bool { bodies[place.key]?.number == place.number }
}
