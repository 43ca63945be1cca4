/// Bodies that the store has as well, up to a number of bytes; then those leave memory that came first.
struct EvictableBodies: Sendable {
    /// Enough for what a walk has ahead of it.
    private static let byteBound = 8 << 20

    private var byteCounts: [VersionKey: Int] = [:]
    private var byteCount = 0
    /// In the order in which they came; those before `head`, and those that were removed, are gone.
    private var order: [VersionKey] = []
    private var head = 0

    func contains(_ key: VersionKey) -> Bool { byteCounts[key] != nil }

    /// Adds one that is not there; tells which ones must go.
    mutating func add(_ key: VersionKey, byteCount count: Int) -> [VersionKey] {
        byteCounts[key] = count
        byteCount += count
        order.append(key)
        var evicted: [VersionKey] = []
        while byteCount > Self.byteBound, head < order.count - 1 {
            let oldest = order[head]
            head += 1
            if oldest != key, remove(oldest) { evicted.append(oldest) }
        }
        if head > order.count / 2 {
            order.removeFirst(head)
            head = 0
        }
        return evicted
    }

    @discardableResult
    mutating func remove(_ key: VersionKey) -> Bool {
        guard let count = byteCounts.removeValue(forKey: key) else { return false }
        byteCount -= count
        return true
    }
}
