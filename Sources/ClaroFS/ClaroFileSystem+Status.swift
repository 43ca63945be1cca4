import ClaroAPI
import FUSE
import Glibc

/// `.claro/status.json`, which `claro status` shows.
extension ClaroFileSystem {
    var status: JSONValue {
        .members([
            ("source", .string(configuration.source)),
            ("pid", .count(Int(getpid()))),
            ("mountedAt", .count(Int(library.mountTime.seconds))),
            ("listing", listingStatus),
            ("api", apiStatus(client.statistics)),
            (
                "stale",
                .array(
                    library.stale.all.map { .members([("what", .string($0.subject)), ("why", .string($0.cause))]) }
                )
            ),
            ("cache", cacheStatus),
            (
                "kernel",
                .members([
                    ("inodes", .count(inodes.heldCount)),
                    ("requests", .members(requestCounts.byName.map { ($0.name, .count(Int($0.count))) })),
                ])
            ),
        ])
    }

    private func apiStatus(_ statistics: ClientStatistics) -> JSONValue {
        let requests = statistics.requests.map { key, count in
            ("\(key.operation) \(key.outcome.label)", JSONValue.count(count))
        }
        return .members([
            ("requests", .members(requests)),
            ("requestsByProcess", .members(statistics.requesters.map { ($0.key, .count($0.value)) })),
            ("inFlight", .count(statistics.inFlight)),
            ("minute", window(statistics.minute)),
            ("hour", window(statistics.hour)),
            ("breaker", .string(statistics.breaker.label)),
            ("limit", statistics.budget.limit.map(JSONValue.count) ?? .null),
            ("remaining", statistics.budget.remaining.map(JSONValue.count) ?? .null),
            ("resetsInSeconds", statistics.budget.resetsIn.map { .count($0.wholeSeconds) } ?? .null),
        ])
    }

    private func window(_ window: ClientStatistics.Window) -> JSONValue {
        .members([("sent", .count(window.sent)), ("left", .count(window.left))])
    }

    private var listingStatus: JSONValue {
        guard let listing = library.cachedListing else { return .null }
        return .members([
            ("namespaces", .count(listing.namespaces.count)),
            ("prompts", .count(listing.promptCount)),
            ("ttlSeconds", .count(library.listingLifetime.wholeSeconds)),
            ("freshForSeconds", .count(library.remainingListingLifetime.wholeSeconds)),
        ])
    }

    private var cacheStatus: JSONValue {
        let counts = library.counts.all
        let usage = evictor.usage
        return .members([
            ("directory", library.database.map { .string($0.directory) } ?? .null),
            ("attachmentBytes", .count(Int(usage.attachments))),
            ("textBytes", .count(Int(usage.texts))),
            ("byteBound", .count(Int(configuration.cacheByteCount))),
            ("hits", .members(counts.map { ($0.kind.rawValue, .count($0.count.hits)) })),
            ("misses", .members(counts.map { ($0.kind.rawValue, .count($0.count.misses)) })),
        ])
    }
}

extension JSONValue {
    fileprivate static func count(_ value: Int) -> JSONValue { .number("\(value)") }

    fileprivate static func members(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { Member(key: $0.0, value: $0.1) })
    }
}

extension ClientStatistics.Breaker {
    fileprivate var label: String {
        switch self {
        case .closed: "closed"
        case .open(let code, let remaining): "open for \(remaining.wholeSeconds) s (\(code.rawValue))"
        case .probing: "probing"
        }
    }
}
