import ClaroAPI
import FUSE

/// `.claro`: what the mount is doing, as files. Each is made when it is looked up, so its size is true and reading it
/// in pieces gives one picture.
extension ClaroFileSystem {
    static let controlName: FileName = ".claro"
    static let reportNames: [FileName] = ["status.json", "metrics"]

    func enterReport(_ name: FileName) -> Entry {
        guard let file = report(name) else { return .missing(for: Freshness.forever) }
        let node = Node.report(file)
        let inode = inodes.enterTransient(node)
        return Entry(attributes(of: node, inode), attributeLifetime: Freshness.forever, entryLifetime: .zero)
    }

    private func report(_ name: FileName) -> TextFile? {
        switch name {
        case "status.json":
            TextFile(name, status.serialized(), modified: .now(), mimeType: "application/json")
        case "metrics":
            TextFile(name, Array(metrics.utf8), modified: .now(), mimeType: "text/plain; version=0.0.4")
        default: nil
        }
    }

    // MARK: status.json

    private var status: JSONValue {
        let statistics = client.statistics
        var requests: [(String, JSONValue)] = []
        for (key, count) in statistics.requests {
            requests.append(("\(key.operation) \(key.outcome.label)", .count(count)))
        }
        return .members([
            ("source", .string(configuration.source)),
            ("mountedAt", .count(Int(library.mountTime.seconds))),
            ("listing", listingStatus),
            (
                "api",
                .members([
                    ("requests", .members(requests)),
                    ("breaker", .string(statistics.breaker.label)),
                    ("limit", statistics.budget.limit.map(JSONValue.count) ?? .null),
                    ("remaining", statistics.budget.remaining.map(JSONValue.count) ?? .null),
                    ("resetsInSeconds", statistics.budget.resetsIn.map { .count($0.wholeSeconds) } ?? .null),
                ])
            ),
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

    private var cacheStatus: JSONValue {
        let usage = evictor.usage
        return .members([
            ("attachmentBytes", .count(Int(usage.attachments))),
            ("textBytes", .count(Int(usage.texts))),
        ])
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

    // MARK: metrics

    /// Prometheus' text format (exposition_formats, version 0.0.4).
    private var metrics: String {
        let statistics = client.statistics
        var text = MetricsText()
        text.family("claro_api_requests_total", "counter", "Requests sent to the API and the storage host.")
        for (key, count) in statistics.requests.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let labels = [("operation", "\(key.operation)"), ("outcome", key.outcome.label)]
            text.sample("claro_api_requests_total", labels, count)
        }
        if let remaining = statistics.budget.remaining {
            text.family("claro_api_budget_remaining", "gauge", "Requests left in the rate limit's window.")
            text.sample("claro_api_budget_remaining", [], remaining)
        }
        text.family("claro_api_breaker_open", "gauge", "1 while calls to the API fail at once.")
        text.sample("claro_api_breaker_open", [], statistics.breaker == .closed ? 0 : 1)
        text.family("claro_fuse_requests_total", "counter", "Requests of the kernel.")
        for (name, count) in requestCounts.byName {
            text.sample("claro_fuse_requests_total", [("opcode", name)], Int(count))
        }
        text.family("claro_inodes", "gauge", "Inodes that the kernel holds.")
        text.sample("claro_inodes", [], inodes.heldCount)
        text.family("claro_stale", "gauge", "Things served although they could not be renewed.")
        text.sample("claro_stale", [], library.stale.all.count)
        text.family("claro_cache_bytes", "gauge", "Bytes on disk.")
        let usage = evictor.usage
        text.sample("claro_cache_bytes", [("kind", "attachments")], Int(usage.attachments))
        text.sample("claro_cache_bytes", [("kind", "texts")], Int(usage.texts))
        return text.text
    }
}

/// Lines in Prometheus' text format; labels given here need no escaping.
private struct MetricsText {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
        let list = labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
        text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
    }
}

extension JSONValue {
    fileprivate static func count(_ value: Int) -> JSONValue { .number("\(value)") }

    fileprivate static func members(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { Member(key: $0.0, value: $0.1) })
    }
}

extension Duration {
    fileprivate var wholeSeconds: Int { Int(components.seconds) }
}

extension ClientStatistics.Outcome {
    fileprivate var label: String {
        switch self {
        case .status(let status): "\(status)"
        case .failure(let code): code.rawValue
        }
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
