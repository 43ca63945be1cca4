import ClaroEmulator
import Foundation
import Glibc

/// What came back over one connection, down to how it ended.
struct WireReply: Sendable {
    enum Ending: Sendable { case closed, reset, silent }

    /// Every byte that was received.
    var raw: [UInt8] = []
    var ending = Ending.closed

    private var headEnd: Int? {
        raw.indices.first { raw[$0...].starts(with: "\r\n\r\n".utf8) }
    }

    private var headLines: [Substring] {
        guard let headEnd else { return [] }
        return String(decoding: raw[..<headEnd], as: UTF8.self).split(separator: "\r\n")
    }

    var status: Int? {
        headLines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    func header(_ name: String) -> String? {
        let line = headLines.dropFirst().first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
        return line.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    /// The body as framed on the wire, with chunks put together.
    var body: [UInt8] {
        guard let headEnd else { return [] }
        var rest = raw[(headEnd + 4)...]
        guard header("Transfer-Encoding") == "chunked" else { return Array(rest) }
        var joined: [UInt8] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\r")) {
            let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16) ?? 0
            guard size > 0, rest.endIndex >= end + 4 + size else { break }
            joined += rest[(end + 2)..<(end + 2 + size)]
            rest = rest[(end + 4 + size)...]
        }
        return joined
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: JSON {
        get throws { try JSON.parse(body) }
    }
}

/// A client that speaks HTTP over a plain socket, one connection a request, on a thread of its own.
struct WireClient: Sendable {
    let url: String
    var key: String? = "sk_test"
    /// How long nothing may come before the reply counts as `silent`.
    var patience = 120

    init(_ url: String, key: String? = "sk_test", patience: Int = 120) {
        self.url = url
        self.key = key
        self.patience = patience
    }

    init(_ emulator: Emulator, key: String? = "sk_test", patience: Int = 120) {
        self.init(emulator.url, key: key, patience: patience)
    }

    func getPrompt(_ name: String, headers: [String: String] = [:]) async throws -> WireReply {
        let body: JSON = ["package_name": .string(name)]
        return try await send("POST", "/v1/prompts/get", headers: headers, body: body.encoded)
    }

    func get(_ target: String, headers: [String: String] = [:]) async throws -> WireReply {
        try await send("GET", target, headers: headers)
    }

    /// Asks for a signed URL and gets what it names, without the key.
    func download(_ id: String, headers: [String: String] = [:]) async throws -> WireReply {
        let answer = try await get("/v1/prompts/context/download-url?contextId=\(id)").json
        return try await open(answer["url"]?.string ?? "", headers: headers)
    }

    /// Gets an absolute URL, without the key.
    func open(_ address: String, headers: [String: String] = [:]) async throws -> WireReply {
        let parts = address.split(separator: "/", maxSplits: 3)
        let origin = parts.prefix(2).joined(separator: "//")
        return try await WireClient(origin, key: nil, patience: patience).get(
            "/\(parts[2...].joined(separator: "/"))",
            headers: headers
        )
    }

    func send(
        _ method: String,
        _ target: String,
        headers: [String: String] = [:],
        body: [UInt8]? = nil
    ) async throws -> WireReply {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let key { head += "Authorization: Bearer \(key)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n" }
        let bytes = Array((head + "\r\n").utf8) + (body ?? [])
        let port = url.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
        return try await onThread { try Self.exchange(bytes, port: port, patience: patience) }
    }

    private static func exchange(_ request: [UInt8], port: UInt16, patience: Int) throws -> WireReply {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        var timeout = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        let isConnected = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard isConnected == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        guard Glibc.send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw POSIXError(.EPIPE)
        }
        var reply = WireReply()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count > 0 {
                reply.raw += buffer[..<count]
            } else if count < 0, errno == EINTR {
                continue
            } else {
                if count < 0 { reply.ending = errno == ECONNRESET ? .reset : .silent }
                return reply
            }
        }
    }
}

/// Runs what blocks on a new thread, and not on one of the concurrency pool's few.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(with: Swift.Result { try body() })
        }
    }
}

/// Starts an emulator for `body` and stops it after.
func withEmulator(
    _ workspace: Workspace = .sample,
    _ change: (inout Emulator.Configuration) -> Void = { _ in },
    _ body: (Emulator, WireClient) async throws -> Void
) async throws {
    let emulator = try await Emulator.start(workspace, configuration: .init(change))
    do {
        try await body(emulator, WireClient(emulator))
    } catch {
        await emulator.stop()
        throw error
    }
    await emulator.stop()
}

/// Makes a directory for `body` and removes it after.
func withTemporaryDirectory(_ body: (URL) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "claro-emulator-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try await body(directory)
}
