/// Where the API is: `https://api.baytos.ai`, or a company's own host, with a path prefix if it has one.
package struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    /// Scheme, host and port; what must not change for the key to be sent.
    package let origin: String
    /// Empty, or begins with a slash and does not end with one.
    package let path: String
    /// Whether the host is this machine, so that the key may go there without TLS and without a proxy.
    package let isLoopback: Bool

    package static let claro = BaseURL(origin: "https://api.baytos.ai", path: "", isLoopback: false)

    private init(origin: String, path: String, isLoopback: Bool) {
        self.origin = origin
        self.path = path
        self.isLoopback = isLoopback
    }

    /// - Throws: `Problem` unless it is `https://host[:port][/path]`, or the same with `http` and a loopback host.
    package init(_ text: String) throws(Problem) {
        guard let url = AbsoluteURL(text) else { throw .notAURL }
        guard !url.hasUserInfo else { throw .userInfo }
        guard url.query == nil else { throw .query }
        guard url.isSecure || url.isLoopback else { throw .insecure(host: url.host) }
        let path = url.path.reversed().drop { $0 == "/" }.reversed()
        self.init(origin: url.origin, path: String(path), isLoopback: url.isLoopback)
    }

    package var description: String { origin + path }

    package enum Problem: Error, Hashable, CustomStringConvertible {
        case notAURL
        case userInfo
        case query
        case insecure(host: String)

        package var description: String {
            switch self {
            case .notAURL: "not a URL of the form https://host/path"
            case .userInfo: "a URL must not contain a user name or password"
            case .query: "the API's base URL has no query or fragment"
            case .insecure(let host): "\(host) is not this machine, so its URL must begin with https://"
            }
        }
    }
}

/// An `http` or `https` URL taken apart as far as the decision whom to trust needs it.
struct AbsoluteURL {
    let isSecure: Bool
    let hasUserInfo: Bool
    /// In lower case; an IPv6 address in brackets.
    let host: String
    let port: Int?
    let path: String
    /// What follows the first `?` or `#`, if there is one.
    let query: String?

    /// Accepts printable ASCII without spaces and backslashes only, so that no other reader of the same text can
    /// find another host in it.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { return nil }
        guard let schemeEnd = text.firstIndex(of: ":") else { return nil }
        switch text[..<schemeEnd].lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: return nil
        }
        var rest = text[text.index(after: schemeEnd)...]
        guard rest.hasPrefix("//") else { return nil }
        rest = rest.dropFirst(2)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        rest = rest.dropFirst(authority.count)
        let path = rest.prefix { $0 != "?" && $0 != "#" }
        self.path = String(path)
        query = path.endIndex == rest.endIndex ? nil : String(rest[path.endIndex...].dropFirst())
        let hostAndPort = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        hasUserInfo = hostAndPort.startIndex != authority.startIndex
        let host: Substring
        if hostAndPort.first == "[" {
            guard let bracket = hostAndPort.firstIndex(of: "]") else { return nil }
            host = hostAndPort[...bracket]
            guard host.dropFirst().dropLast().allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                return nil
            }
        } else {
            host = hostAndPort.prefix { $0 != ":" }
            guard host.utf8.allSatisfy(Self.isHostByte) else { return nil }
        }
        guard !host.isEmpty else { return nil }
        self.host = host.lowercased()
        let portText = hostAndPort[host.endIndex...]
        guard portText.isEmpty || portText.first == ":" else { return nil }
        let digits = portText.dropFirst()
        guard digits.allSatisfy({ $0.isNumber }) else { return nil }
        port = digits.isEmpty ? nil : Int(digits)
        guard digits.isEmpty || (1...65535).contains(port ?? 0) else { return nil }
    }

    var origin: String {
        (isSecure ? "https://" : "http://") + host + (port.map { ":\($0)" } ?? "")
    }

    /// Whether a download may go there: https, or plain http on this machine if that is accepted.
    func isFit(acceptsLoopback: Bool) -> Bool { isSecure || isLoopback && acceptsLoopback }

    /// 127.0.0.0/8, ::1 and localhost. Another spelling of an address (`127.1`, `127.0.0.01`) is not recognised: for
    /// some readers it is a name.
    var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in UInt8(part).map { "\($0)" == part } ?? false }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39,
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
