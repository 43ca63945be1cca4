import FoundationEssentials

/// What is mounted: the API's address, and the name under which the mount table shows it.
struct MountSource: Equatable, Sendable {
    static let defaultBaseURL = "https://api.baytos.ai"

    /// As given, so that a second `mount -a` finds it mounted already; `claro` where nothing was given.
    let name: String
    /// Scheme, host, port and path prefix; no slash at the end, nothing secret.
    let baseURL: String

    /// Reads SOURCE: the API's base URL, or `claro`, `none` or nothing for the default.
    ///
    /// - Throws: `MountFailure` with exit code 1. The text is repeated only where it holds no password.
    init(_ text: String?) throws(MountFailure) {
        switch text {
        case nil, "", "claro", "none":
            name = text.flatMap { $0.isEmpty ? nil : $0 } ?? "claro"
            baseURL = Self.defaultBaseURL
        case let text?:
            name = text
            baseURL = try Self.baseURL(text)
        }
    }

    private static func baseURL(_ text: String) throws(MountFailure) -> String {
        let forms = "SOURCE is the API's address (https://…), or claro for \(defaultBaseURL)"
        guard let components = URLComponents(string: text), let scheme = components.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = components.host, !host.isEmpty
        else {
            throw MountFailure(.usage, "\(text.contains("@") ? "SOURCE" : text) is not an address: \(forms)")
        }
        guard components.user == nil, components.password == nil else {
            throw MountFailure(.usage, "SOURCE holds a user name or password: \(forms)")
        }
        guard components.query == nil, components.fragment == nil else {
            throw MountFailure(.usage, "\(text) has a query or a fragment: \(forms)")
        }
        guard scheme == "https" || isLoopback(host) else {
            throw MountFailure(.usage, "\(text) would send the key unencrypted: write https://")
        }
        return String(text.reversed().drop { $0 == "/" }.reversed())
    }

    /// Whether `host` is this computer: there the key may travel without TLS.
    private static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1", "[::1]"].contains(host.lowercased()) { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
