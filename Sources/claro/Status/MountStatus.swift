import ClaroAPI
import ClaroCommand
import SystemPackage

/// One mount and what it says of itself.
struct MountStatus {
    enum State: String {
        case ok
        /// It serves things that it could not renew, or the API is out of reach.
        case stale
        /// It does not answer.
        case hung
        /// Its process is gone.
        case dead
        /// Another user's.
        case closed
        /// It answers something else.
        case unreadable
    }

    let mount: MountTable.Mount
    let state: State
    /// `.claro/status.json`; nil where it could not be had.
    let report: JSONValue?

    init(of mount: MountTable.Mount) {
        self.mount = mount
        switch MountProbe.read(mount.path.appending(".claro/status.json").string) {
        case .bytes(let bytes):
            report = try? JSONValue.parse(bytes)
            if let report {
                let isReachable = report["api"]?["breaker"]?.text == "closed"
                state = isReachable && report["stale"]?.elements?.isEmpty != false ? .ok : .stale
            } else {
                state = .unreadable
            }
        case .hung: (report, state) = (nil, .hung)
        case .failed(.socketNotConnected): (report, state) = (nil, .dead)
        case .failed(.permissionDenied): (report, state) = (nil, .closed)
        case .failed: (report, state) = (nil, .unreadable)
        }
    }

    /// Whether somebody should do something.
    var isWell: Bool { state == .ok || state == .closed }

    var json: JSONValue {
        .members([
            "path": .string(mount.path.string), "source": .string(mount.source), "state": .string(state.rawValue),
            "report": report ?? .null,
        ])
    }

    /// For a person: the mount, and what is known of it.
    var lines: [String] {
        let head = "\(mount.path)  \(mount.source)  \(Self.explain(state, mount.path.string))"
        guard let report else { return [head] }
        let rows = [
            ("listing", listing(report)), ("requests", requests(report)), ("spent by", requesters(report)),
            ("cache", cache(report)),
        ]
        let stale = (report["stale"]?.elements ?? []).map { item in
            ("stale", "\(item["what"]?.text ?? "?"): \(item["why"]?.text ?? "?")")
        }
        return [head]
            + (rows + stale).map { name, text in
                "  \(name)\(String(repeating: " ", count: 10 - name.count))\(text)"
            }
    }

    private static func explain(_ state: State, _ path: String) -> String {
        switch state {
        case .ok: "well"
        case .stale: "serves what it has, and could not renew all of it"
        case .hung: "hangs: find out why with `journalctl -t mount.claro`, then `umount -l \(path)`"
        case .dead: "dead: `umount \(path)` takes it away"
        case .closed: "another user's"
        case .unreadable: "cannot be read: it may be of another release"
        }
    }

    private func listing(_ report: JSONValue) -> String {
        guard let listing = report["listing"], listing.isObject else { return "none yet" }
        let fresh = listing["freshForSeconds"]?.integer ?? 0
        return "\(listing.count("prompts")) prompts in \(listing.count("namespaces")) namespaces, "
            + (fresh > 0 ? "fresh for \(fresh) s of \(listing.count("ttlSeconds")) s" : "renewed at the next use")
    }

    private func requests(_ report: JSONValue) -> String {
        guard let api = report["api"], api["minute"] != nil else { return "unknown: the mount is of another release" }
        return "\((api["minute"] ?? .null).count("left")) left this minute, "
            + "\((api["hour"] ?? .null).count("left")) this hour; sent \((api["hour"] ?? .null).count("sent")) this hour"
            + "; \(api.count("inFlight")) in flight; breaker \(api["breaker"]?.text ?? "?")"
    }

    private func requesters(_ report: JSONValue) -> String {
        let counts = (report["api"]?["requestsByProcess"] ?? .null).counts.sorted { left, right in
            (right.count, left.name) < (left.count, right.name)
        }
        return counts.isEmpty ? "nobody" : counts.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
    }

    private func cache(_ report: JSONValue) -> String {
        let cache = report["cache"] ?? .null
        let byteCount = cache.count("attachmentBytes") + cache.count("textBytes")
        let hits = (cache["hits"] ?? .null).counts
        let rates = hits.compactMap { kind, hits -> String? in
            let total = hits + (cache["misses"] ?? .null).count(kind)
            return total == 0 ? nil : "\(kind) \(hits * 100 / total)% of \(total)"
        }
        let size = "\(ReadableByteCount(byteCount)) of \(ReadableByteCount(cache.count("byteBound")))"
        return rates.isEmpty ? size : "\(size); hits: \(rates.joined(separator: ", "))"
    }
}

extension JSONValue {
    /// A member that is a number; 0 where it is none.
    fileprivate func count(_ name: String) -> Int64 { self[name]?.integer ?? 0 }

    /// All members that are numbers.
    fileprivate var counts: [(name: String, count: Int64)] {
        guard case .object(let members) = self else { return [] }
        return members.compactMap { member in member.value.integer.map { (member.key, $0) } }
    }
}
