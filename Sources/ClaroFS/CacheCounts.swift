import Synchronization

/// How often what was wanted was there, and how often it had to be waited for.
final class CacheCounts: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case listing
        /// What `latest` points to.
        case latest
        /// The texts, metadata and attachment list of a version.
        case version
        /// Parts of attachments, as they are read.
        case attachment
    }

    struct Count: Sendable {
        var hits = 0
        var misses = 0
    }

    private let counts = Mutex<[Kind: Count]>([:])

    func count(_ kind: Kind, isHit: Bool) {
        counts.withLock { counts in
            if isHit { counts[kind, default: Count()].hits += 1 } else { counts[kind, default: Count()].misses += 1 }
        }
    }

    /// In the order of the kinds.
    var all: [(kind: Kind, count: Count)] {
        let counts = counts.withLock { $0 }
        return Kind.allCases.map { ($0, counts[$0] ?? Count()) }
    }
}
