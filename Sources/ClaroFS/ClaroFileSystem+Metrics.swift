import ClaroAPI
import FUSE

/// `.claro/metrics`, in Prometheus' text format (exposition_formats, version 0.0.4).
extension ClaroFileSystem {
    var metrics: String {
        var text = MetricsText()
        addRequests(client.statistics, to: &text)
        text.family("claro_fuse_requests_total", "counter", "Requests of the kernel.")
        for (name, count) in requestCounts.byName {
            text.sample("claro_fuse_requests_total", [("opcode", name)], Int(count))
        }
        text.family("claro_inodes", "gauge", "Inodes that the kernel holds.")
        text.sample("claro_inodes", [], inodes.heldCount)
        text.family("claro_stale", "gauge", "Things served although they could not be renewed.")
        text.sample("claro_stale", [], library.stale.all.count)
        addCache(to: &text)
        return text.text
    }

    private func addRequests(_ statistics: ClientStatistics, to text: inout MetricsText) {
        text.family("claro_api_requests_total", "counter", "Requests sent to the API and the storage host.")
        for (key, count) in statistics.requests.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let labels = [("operation", "\(key.operation)"), ("outcome", key.outcome.label)]
            text.sample("claro_api_requests_total", labels, count)
        }
        text.family("claro_api_process_requests_total", "counter", "Requests sent to the API, by who they were for.")
        for (process, count) in statistics.requesters.sorted(by: { $0.key < $1.key }) {
            text.sample("claro_api_process_requests_total", [("process", process)], count)
        }
        text.family("claro_api_in_flight", "gauge", "Requests that wait for an answer.")
        text.sample("claro_api_in_flight", [], statistics.inFlight)
        text.family("claro_api_left", "gauge", "Requests left in the windows of the API's limits.")
        text.sample("claro_api_left", [("window", "minute")], statistics.minute.left)
        text.sample("claro_api_left", [("window", "hour")], statistics.hour.left)
        if let remaining = statistics.budget.remaining {
            text.family("claro_api_budget_remaining", "gauge", "Requests left in the rate limit's window.")
            text.sample("claro_api_budget_remaining", [], remaining)
        }
        text.family("claro_api_breaker_open", "gauge", "1 while calls to the API fail at once.")
        text.sample("claro_api_breaker_open", [], statistics.breaker == .closed ? 0 : 1)
    }

    private func addCache(to text: inout MetricsText) {
        let counts = library.counts.all
        text.family("claro_cache_hits_total", "counter", "Lookups and reads that did not wait for the API.")
        for (kind, count) in counts { text.sample("claro_cache_hits_total", [("kind", kind.rawValue)], count.hits) }
        text.family("claro_cache_misses_total", "counter", "Lookups and reads that waited for the API.")
        for (kind, count) in counts { text.sample("claro_cache_misses_total", [("kind", kind.rawValue)], count.misses) }
        text.family("claro_cache_bytes", "gauge", "Bytes on disk.")
        let usage = evictor.usage
        text.sample("claro_cache_bytes", [("kind", "attachments")], Int(usage.attachments))
        text.sample("claro_cache_bytes", [("kind", "texts")], Int(usage.texts))
    }
}

/// Lines in Prometheus' text format.
private struct MetricsText {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
        let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
        text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
    }

    /// A process may have any name.
    private static func escaped(_ label: String) -> String {
        var escaped = ""
        for character in label.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
