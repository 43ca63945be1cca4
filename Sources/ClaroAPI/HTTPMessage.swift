/// One HTTP exchange, as the transport is asked for it.
struct HTTPRequest: Sendable {
    enum Method: Sendable {
        case get
        case post(body: [UInt8])
    }

    /// What becomes of the body.
    enum Body: Sendable {
        /// Kept in memory, after decompression at most `bound` bytes.
        case collected(bound: Int)
        /// Handed on as it comes, on the transport's thread, not decompressed. False ends the transfer.
        case streamed(
            onHead: @Sendable (HTTPHead) -> Bool,
            onBytes: @Sendable (UnsafeRawBufferPointer) -> Bool
        )
    }

    var method: Method
    var url: String
    /// Sent as a bearer token, if there is one.
    var key: APIKey?
    var fields: [(name: String, value: String)]
    var body: Body
    var priority: Priority
    /// Never by way of a proxy.
    var isLocal: Bool
    /// In all, waiting for its turn included; for a streamed body until its turn.
    var timeout: Duration
    /// How long a streamed body may bring nothing.
    var stallTimeout: Duration?
}

/// An answer's status and header fields.
struct HTTPHead: Sendable {
    var status: Int
    /// Names in lower case.
    var fields: [(name: String, value: String)] = []

    /// The first field of that name, which is given in lower case.
    subscript(name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// Reads a line of the kind `HTTP/1.1 200 OK`.
    init?(statusLine: some Collection<UInt8>) {
        guard statusLine.starts(with: "HTTP/".utf8) else { return nil }
        let parts = statusLine.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count >= 2, let status = Int(String(decoding: parts[1], as: UTF8.self)),
            (100...999).contains(status)
        else { return nil }
        self.status = status
    }

    /// Adds a line of the kind `Name: value`; a line that is not is ignored.
    mutating func append(line: some BidirectionalCollection<UInt8>) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var value = line[colon...].dropFirst().drop(while: isSpace)
        while let last = value.last, isSpace(last) { value.removeLast() }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        fields.append((name, String(decoding: value, as: UTF8.self)))
    }
}

struct HTTPResponse: Sendable {
    var head: HTTPHead
    /// Empty if it was streamed.
    var body: [UInt8]
    /// Where a redirect leads, made absolute.
    var redirectURL: String?
}

/// Why there is no whole answer.
struct TransportFailure: Error, Sendable, Hashable {
    enum Kind: Sendable {
        case unreachable, connectionLost, tls, timeout, cancelled
        /// The body ended before its announced end.
        case truncated
        /// The answer breaks HTTP or a bound.
        case malformed
        /// The receiver of a streamed body did not want more.
        case stopped
        /// More calls wait than make sense.
        case overloaded
    }

    let kind: Kind
    /// For a person; no part of a URL but the host.
    let detail: String

    init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }
}
