import CCurl

@testable import ClaroAPI
@testable import ClaroCommand

extension FuzzTarget {
    /// Addresses: the API's, as callers type it, and the storage host's, as the API sends it.
    static let urls = FuzzTarget(
        name: "urls",
        sources: ["ClaroAPI/BaseURL.swift", "ClaroAPI/SignedURL.swift", "ClaroCommand/MountSource.swift"]
    ) { bytes in
        let text = bytes.text
        try checkBase(text)
        try checkSource(text)
        try checkTrust(text)
        guard let answer = try? JSONValue.parse(bytes) else { return }
        for acceptsLoopback in [false, true] {
            guard let url = SignedURL(answer, askedAt: now, acceptsLoopback: acceptsLoopback) else { continue }
            try checkTrust(url.absoluteString)
            let parsed = AbsoluteURL(url.absoluteString)
            try check(parsed?.isSecure == true || acceptsLoopback && parsed?.isLoopback == true, "a download is safe")
            let query = parsed?.query ?? ""
            let shown = ["\(url)", String(reflecting: url), "\(Mirror(reflecting: url).children.map(\.value))"]
            try check(query.isEmpty || !shown.contains { $0.hasSuffix("?" + query) }, "no signature is shown")
            try check(url.expiresAt.map { $0 > now } ?? true, "an address is good for some time, or who knows")
        }
    }

    private static let now = ContinuousClock.now

    private static func checkBase(_ text: String) throws {
        do {
            let url = try BaseURL(text)
            try check(try BaseURL(url.description) == url, "an address reads as it is written")
            try check(
                !url.path.hasSuffix("/") && !url.description.contains("@\(url.origin)"),
                "a path ends with a name"
            )
            try check(url.origin.hasPrefix("https://") || url.isLoopback, "plain http stays on this machine")
        } catch let error as BaseURL.Problem {
            try check(!error.description.isEmpty, "an error says something")
        }
    }

    private static func checkSource(_ text: String) throws {
        let source: MountSource
        do throws(MountFailure) {
            source = try MountSource(text)
        } catch {
            let password = text.split(separator: "@").first?.split(separator: ":").last ?? ""
            let isSecret = text.contains("@") && password.count > 20
            return try check(!isSecret || !error.description.contains(password), "no password is repeated")
        }
        try check(source.name == text || text.isEmpty, "what is mounted is named as it was given")
    }

    /// Whom a URL leads to is decided here, and gone to by libcurl: both must read it alike.
    private static func checkTrust(_ text: String) throws {
        guard let url = AbsoluteURL(text), let handle = curl_url() else { return }
        defer { curl_url_cleanup(handle) }
        // What libcurl cannot read it does not go to.
        guard curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK else { return }
        let isSpelled = part(CURLUPART_HOST, of: handle)?.lowercased() == url.host
        // libcurl writes out what is abbreviated; such an address is nobody who is trusted.
        let isAbbreviated = url.host.allSatisfy { $0.isHexDigit || "[:].x".contains($0) } && !url.isLoopback
        try check(isSpelled || isAbbreviated, "\(url.host) is the host to libcurl, too")
        try check(part(CURLUPART_SCHEME, of: handle) == (url.isSecure ? "https" : "http"), "as is the scheme")
        try check(part(CURLUPART_PORT, of: handle) == url.port.map { "\($0)" }, "as is the port")
        try check((part(CURLUPART_USER, of: handle) == nil) || url.hasUserInfo, "and who asks")
    }

    private static func part(_ part: CURLUPart, of handle: OpaquePointer) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
