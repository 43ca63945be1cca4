import ClaroEmulator
import Synchronization
import Testing

@testable import ClaroAPI

struct DownloadTests {
    private static let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    private static let workspace: Workspace = [
        "acme": [
            Workspace.Prompt("support", versions: [.init("one", context: [.file("a.bin", .bytes(bytes), id: "ctx_a")])])
        ]
    ]

    private func withDownload(
        emulator: Emulator.Configuration = .init(),
        client: (inout ClaroClient.Configuration) -> Void = { _ in },
        _ body: (ClientFixture, SignedURL, Receiver) async throws -> Void
    ) async throws {
        try await ClientFixture.with(Self.workspace, emulator: emulator, client: client) { fixture in
            let url = try await fixture.client.downloadURL(forContextItem: "ctx_a")
            fixture.emulator.requests.removeAll()
            try await body(fixture, url, Receiver())
        }
    }

    @Test func `a file arrives whole, in pieces`() async throws {
        try await withDownload { fixture, url, receiver in
            let end = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            let head = DownloadHead(status: 200, contentLength: 100_000, rangeStart: nil, totalByteCount: 100_000)
            #expect(end == DownloadEnd(head: head, byteCount: 100_000, wasStopped: false))
            #expect(receiver.bytes == Self.bytes)
            #expect(receiver.heads == [head])
        }
    }

    @Test func `the storage host never sees the key`() async throws {
        try await withDownload { fixture, url, receiver in
            _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            #expect(fixture.emulator.requests.entries.map(\.operation) == [.storage])
            #expect(fixture.emulator.requests.entries.map(\.hasAuthorization) == [false])
        }
    }

    @Test(arguments: [0..<1, 0..<100_000, 99_999..<100_000, 1000..<2000, 90_000..<200_000] as [Range<Int64>])
    func `a range is asked for and given`(range: Range<Int64>) async throws {
        try await withDownload { fixture, url, receiver in
            let end = try await fixture.client.download(url, range: range, receiver: receiver.downloadReceiver)
            let real = range.clamped(to: 0..<100_000)
            #expect(end.head.status == 206)
            #expect(end.head.rangeStart == range.lowerBound)
            #expect(end.head.totalByteCount == 100_000)
            #expect(receiver.bytes == Array(Self.bytes[Int(real.lowerBound)..<Int(real.upperBound)]))
            #expect(
                fixture.emulator.requests.entries.first?.range == "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
            )
        }
    }

    @Test func `a server without ranges sends the whole file`() async throws {
        try await withDownload(emulator: .init { $0.acceptsRanges = false }) { fixture, url, receiver in
            let end = try await fixture.client.download(url, range: 10..<20, receiver: receiver.downloadReceiver)
            #expect(end.head.status == 200)
            #expect(receiver.bytes == Self.bytes)
        }
    }

    @Test(arguments: ["-5", "5", "1099511627777", "4611686018427387904", "9223372036854775807"])
    func `a range of a file whose size makes no sense is refused`(size: String) async throws {
        try await withDownload { fixture, url, receiver in
            let headers = ["Content-Range": "bytes 0-9/\(size)"]
            fixture.emulator.inject(.status(206, headers: headers, body: Array(repeating: 0, count: 10)), on: .storage)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(url, range: 0..<10, receiver: receiver.downloadReceiver)
            }
            #expect(error?.code == .malformed)
            #expect(error?.cause == "not the range that was asked for")
            #expect(receiver.heads.isEmpty)
        }
    }

    @Test func `a file without an announced length arrives, too`() async throws {
        try await withDownload(emulator: .init { $0.storageFraming = .chunked }) { fixture, url, receiver in
            let end = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            #expect(end.head.totalByteCount == nil)
            #expect(receiver.bytes == Self.bytes)
        }
    }

    @Test(arguments: [true, false])
    func `the receiver may stop`(atHead: Bool) async throws {
        try await withDownload { fixture, url, receiver in
            let stopping = DownloadReceiver(
                onHead: { _ in !atHead },
                onBytes: { bytes in
                    _ = receiver.downloadReceiver.onBytes(bytes)
                    return false
                }
            )
            let end = try await fixture.client.download(url, receiver: stopping)
            #expect(end.wasStopped)
            #expect(receiver.bytes.isEmpty == atHead)
            #expect(end.byteCount == Int64(receiver.bytes.count))
        }
    }

    @Test(arguments: [401, 403, 404, 410])
    func `a URL that is too old is rejected as such`(status: Int) async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.status(status), on: .storage)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            }
            #expect(error?.code == .signedURLRejected)
            #expect(error?.status == status)
            #expect(receiver.heads.isEmpty)
            #expect(fixture.emulator.requests.total == 1)
        }
    }

    @Test func `a fault on the way is retried until bytes were given`() async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.status(503), on: .storage, times: 1)
            fixture.emulator.inject(.reset(after: .nothing), on: .storage, times: 1)
            _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            #expect(receiver.bytes == Self.bytes)
            #expect(receiver.heads.count == 1)
        }
    }

    @Test func `a body that is cut off is an error`() async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.cutBody(after: 1000), on: .storage)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            }
            #expect(error?.code == .malformed)
            #expect(error?.cause == "cut off after 1000 bytes")
            #expect(receiver.bytes == Array(Self.bytes.prefix(1000)))
        }
    }

    @Test func `a download that brings nothing for too long times out`() async throws {
        try await withDownload(client: { $0.downloadStall = .milliseconds(200) }) { fixture, url, receiver in
            fixture.emulator.inject(.hang, on: .storage)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            }
            #expect(error?.code == .timeout)
        }
    }

    @Test func `a slow download may take longer than any deadline`() async throws {
        try await withDownload { fixture, url, receiver in
            var configuration = fixture.client.configuration
            configuration.timeout = .milliseconds(300)
            let hasty = ClaroClient(
                configuration: configuration,
                credentials: try Credentials(key: ClientFixture.key),
                logger: fixture.log.logger
            )
            defer { hasty.shutdown() }
            fixture.emulator.inject(.slowDrip(bytesPerSecond: 100_000, piecesPerSecond: 20), on: .storage)
            _ = try await hasty.download(url, receiver: receiver.downloadReceiver)
            #expect(receiver.bytes == Self.bytes)
        }
    }

    @Test func `an unreachable storage host does not open the API's breaker`() async throws {
        try await withDownload { fixture, _, receiver in
            let nobody = SignedURL(absoluteString: "http://127.0.0.1:1/x?signature=s", expiresAt: nil)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(nobody, receiver: receiver.downloadReceiver)
            }
            #expect(error?.code == .unreachable)
            #expect(fixture.client.statistics.breaker == .closed)
            _ = try await fixture.prompt()
        }
    }

    @Test func `a redirect of the storage host is followed`() async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.redirect(to: url.absoluteString), on: .storage, times: 1)
            _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            #expect(receiver.bytes == Self.bytes)
            #expect(fixture.emulator.requests.entries.map(\.hasAuthorization) == [false, false])
        }
    }

    @Test(arguments: ["http://storage.example/x", "file:///etc/passwd", "ftp://127.0.0.1/x"])
    func `a redirect to where no download may go is not`(target: String) async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.redirect(to: target), on: .storage)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            }
            #expect(error?.code == .malformed)
            #expect(fixture.emulator.requests.total == 1)
        }
    }

    @Test func `redirects in a circle end`() async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.redirect(to: url.absoluteString), on: .storage)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
            }
            #expect(error?.status == 307)
            #expect(fixture.emulator.requests.total == 6)
        }
    }

    @Test(
        arguments: [
            "http://storage.example/x", "/relative", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://a b/", "",
            "http://user@127.0.0.1.example/",
        ]
    )
    func `a signed URL that no download may go to is refused`(url: String) async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.body(Array(#"{"url":"\#(url)","expiresIn":300}"#.utf8)), on: .downloadURL)
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.downloadURL(forContextItem: "ctx_faq")
            }
            #expect(error?.code == .malformed)
            #expect(error?.cause == "no usable download URL")
        }
    }

    @Test(
        arguments: [("300", 270), ("10", 8), ("0", nil), ("-5", nil), ("null", nil), ("1e400", nil)] as [(String, Int?)]
    )
    func `a signed URL is good for a little less than the server says`(expiresIn: String, seconds: Int?) async throws {
        try await ClientFixture.with { fixture in
            let body = #"{"url":"https://storage.example/x?s=1","expiresIn":\#(expiresIn)}"#
            fixture.emulator.inject(.body(Array(body.utf8)), on: .downloadURL)
            let url = try await fixture.client.downloadURL(forContextItem: "ctx_faq")
            #expect(url.expiresAt == seconds.map { fixture.clock.now + .seconds($0) })
        }
    }

    @Test func `a cancelled download ends at once`() async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.hang, on: .storage)
            let task = Task {
                do {
                    _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver)
                    return APIError.Code?.none
                } catch {
                    return (error as? APIError)?.code
                }
            }
            await fixture.emulator.requests.wait(for: 1)
            task.cancel()
            #expect(await task.value == .cancelled)
        }
    }

    @Test func `downloads that hang do not keep texts waiting`() async throws {
        try await withDownload { fixture, url, receiver in
            fixture.emulator.inject(.hang, on: .storage)
            try await withThrowingTaskGroup { group in
                for _ in 0..<100 {
                    group.addTask { _ = try await fixture.client.download(url, receiver: receiver.downloadReceiver) }
                }
                await fixture.emulator.requests.wait(for: 32, of: .storage)
                _ = try await fixture.prompt()
                #expect(fixture.emulator.requests.count(of: .storage) == 32)
                group.cancelAll()
                while await group.nextResult() != nil {}
            }
        }
    }
}

/// Keeps what a download brings.
private final class Receiver: Sendable {
    private struct State {
        var heads: [DownloadHead] = []
        var bytes: [UInt8] = []
    }

    private let state = Mutex(State())

    var heads: [DownloadHead] { state.withLock(\.heads) }
    var bytes: [UInt8] { state.withLock(\.bytes) }

    var downloadReceiver: DownloadReceiver {
        DownloadReceiver(
            onHead: { head in
                self.state.withLock { $0.heads.append(head) }
                return true
            },
            onBytes: { bytes in
                self.state.withLock { $0.bytes.append(contentsOf: bytes) }
                return true
            }
        )
    }
}
