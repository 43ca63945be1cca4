/// Who sleeps, and until when: a binary heap, as most are added behind thousands and some before them.
struct SleeperQueue<Sleeper: Sendable>: Sendable {
    private typealias Entry = (sleeper: Sleeper, wakesAt: ContinuousClock.Instant)

    /// INVARIANT: none wakes before its parent, which is at `(index - 1) / 2`.
    private var entries: [Entry] = []

    /// When the first one wakes.
    var next: ContinuousClock.Instant? { entries.first?.wakesAt }

    /// Adds one; tells whether it is the first to wake.
    mutating func add(_ sleeper: Sleeper, wakesAt: ContinuousClock.Instant) -> Bool {
        var index = entries.endIndex
        entries.append((sleeper, wakesAt))
        while index > 0, wakesAt < entries[(index - 1) / 2].wakesAt {
            entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
        return index == 0
    }

    /// Removes and returns those whose time has come, in the order of their times.
    mutating func takeDue(at now: ContinuousClock.Instant) -> [Sleeper] {
        var due: [Sleeper] = []
        while let first = entries.first, first.wakesAt <= now {
            due.append(first.sleeper)
            removeFirst()
        }
        return due
    }

    private mutating func removeFirst() {
        entries.swapAt(0, entries.endIndex - 1)
        entries.removeLast()
        var index = 0
        while let child = earlierChild(of: index), isBefore(child, index) {
            entries.swapAt(index, child)
            index = child
        }
    }

    private func earlierChild(of index: Int) -> Int? {
        let (left, right) = (2 * index + 1, 2 * index + 2)
        guard left < entries.endIndex else { return nil }
        return right < entries.endIndex && isBefore(right, left) ? right : left
    }

    private func isBefore(_ index: Int, _ other: Int) -> Bool { entries[index].wakesAt < entries[other].wakesAt }
}
