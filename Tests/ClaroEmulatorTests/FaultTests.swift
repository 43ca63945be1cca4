import Synchronization
import Testing

@testable import ClaroEmulator

struct FaultTests {
    @Test func `a status comes with the documented body, or with another`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.status(503), times: 1)
            emulator.inject(.status(500, headers: ["Content-Type": "text/html"], body: Array("<h1>".utf8)), times: 1)
            let first = try await client.getPrompt("@acme/support:v1")
            #expect(first.status == 503)
            #expect(first.text == #"{"error":{"code":"service_unavailable","message":"Injected: 503"}}"#)
            let second = try await client.getPrompt("@acme/support:v1")
            #expect(second.status == 500)
            #expect(second.text == "<h1>")
            #expect(second.header("Content-Type") == "text/html")
            #expect(try await client.getPrompt("@acme/support:v1").status == 200)
            #expect(emulator.requests.entries.map(\.status) == [503, 500, 200])
        }
    }

    @Test func `the first rule that matches wins, until it is used up or cleared`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.status(502), on: .operation(.getPrompt, subject: "@acme/support"), times: 2)
            emulator.inject(.status(504), on: .listPrompts)
            emulator.inject(.status(500), on: .operation(.getPrompt, subject: "@other/plain:v1"))
            var statuses: [Int?] = []
            for name in [
                "@acme/support:v1", "@acme/support:v2", "@acme/support:v1", "@other/plain:v1", "@other/plain:v2",
            ] {
                statuses.append(try await client.getPrompt(name).status)
            }
            #expect(statuses == [502, 502, 200, 500, 404])
            #expect(try await client.get("/v1/prompts").status == 504)
            emulator.clearFaults()
            #expect(try await client.get("/v1/prompts").status == 200)
        }
    }

    @Test func `spoilt bodies are what they say`() async throws {
        try await withEmulator(small) { emulator, client in
            let whole = try await client.getPrompt("@other/plain:v1").body
            func spoilt(_ fault: Fault) async throws -> WireReply {
                emulator.clearFaults()
                emulator.inject(fault)
                let reply = try await client.getPrompt("@other/plain:v1")
                #expect(reply.status == 200)
                return reply
            }
            let truncated = try await spoilt(.truncatedJSON)
            #expect(truncated.body.count == whole.count / 2)
            #expect(truncated.header("Content-Length") == String(whole.count / 2))
            #expect(truncated.body.starts(with: #"{"id":"#.utf8))

            let garbage = try await spoilt(.garbage)
            #expect(garbage.body.count == 512)
            #expect(throws: JSON.ParsingError.self) { try garbage.json }

            let page = try await spoilt(.wrongContentType)
            #expect(page.header("Content-Type") == "text/html")

            let large = try await spoilt(.oversized(byteCount: 3_000_000))
            #expect(large.body.count == 3_000_000)
            #expect(try large.json["content"]?.string == "p")

            let nested = try await spoilt(.nesting(depth: 1_000))
            #expect(nested.text.contains(#""nested":"# + String(repeating: "[", count: 1_000) + "]"))

            #expect(try await spoilt(.loneSurrogate).text.contains(#""content":"\ud800""#))
            #expect(try await spoilt(.body(Array("[]".utf8))).text == "[]")
        }
    }

    @Test func `a lone surrogate in a listing is in its first title`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.loneSurrogate)
            let text = try await client.get("/v1/prompts").text
            #expect(text.contains(#""title":"\ud800""#))
            #expect(text.contains(#""title":"plain""#))
        }
    }

    @Test func `a redirect names its target`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.redirect(to: "http://other.example/v1", status: 302))
            let reply = try await client.getPrompt("@acme/support:v1")
            #expect(reply.status == 302)
            #expect(reply.header("Location") == "http://other.example/v1")
        }
    }

    @Test func `a slow drip delivers everything, late`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.slowDrip(bytesPerSecond: 50, piecesPerSecond: 10), on: .storage)
            let clock = ContinuousClock()
            let start = clock.now
            let reply = try await client.download("ctx_a")
            #expect(reply.text == "0123456789")
            #expect(start.duration(to: clock.now) >= .milliseconds(190))
        }
    }

    @Test func `latency makes one answer late`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.latency(.milliseconds(150)), times: 1)
            let duration = try await ContinuousClock().measure { _ = try await client.getPrompt("@acme/support:v1") }
            #expect(duration >= .milliseconds(150))
        }
    }

    @Test func `what hangs is answered truly once faults are cleared`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.hang)
            async let first = client.getPrompt("@acme/support:v1")
            async let second = client.getPrompt("@acme/support:v2")
            await emulator.requests.wait(for: 2)
            emulator.clearFaults()
            let statuses = try await [first.status, second.status]
            #expect(statuses == [200, 200])
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `what begins to hang when faults were just cleared does not hang`() async throws {
        let emulator = try await Emulator.start(small)
        let count = emulator.state.withLock { $0.clearingCount }
        emulator.clearFaults()
        await emulator.hang(after: count)
        #expect(emulator.state.withLock { $0.hanging.isEmpty })
        await emulator.stop()
    }

    // MARK: Below HTTP

    @Test(arguments: Fault.AnswerPart.allCases)
    func `a connection is reset where it was asked for`(part: Fault.AnswerPart) async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.reset(after: part), on: .getPrompt, times: 1)
            let reply = try await client.getPrompt("@acme/support:v1")
            #expect(reply.ending == .reset)
            switch part {
            case .nothing: #expect(reply.raw.isEmpty)
            case .status: #expect(String(decoding: reply.raw, as: UTF8.self) == "HTTP/1.1 200 OK\r\nContent")
            case .headers:
                #expect(reply.status == 200)
                #expect(reply.body.isEmpty)
                #expect(reply.raw.suffix(4).elementsEqual("\r\n\r\n".utf8))
            }
            #expect(emulator.requests.entries.map(\.status) == [part == .headers ? 200 : nil])
            #expect(try await client.getPrompt("@acme/support:v1").status == 200)
        }
    }

    @Test(arguments: [0, 1, 7]) func `a body is cut where it was asked for`(count: Int) async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.cutBody(after: count), on: .storage)
            let reply = try await client.download("ctx_a")
            #expect(reply.ending == .closed)
            #expect(reply.header("Content-Length") == "10")
            #expect(reply.text == String("0123456789".prefix(count)))
        }
    }

    @Test func `a large body is cut to the byte`() async throws {
        let file = Workspace.Attachment.synthetic(seed: 3, byteCount: 5_000_000)
        let workspace: Workspace = ["a": [.init("b", versions: [.init("c", context: [.file("f", file, id: "f")])])]]
        try await withEmulator(workspace) { emulator, client in
            emulator.inject(.cutBody(after: 1_234_567), on: .storage)
            let reply = try await client.download("f")
            #expect(try reply.body == file.read(0..<1_234_567))
        }
    }

    @Test func `an answer need not be HTTP`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.malformedHTTP)
            let reply = try await client.getPrompt("@acme/support:v1")
            #expect(reply.raw.starts(with: "HTTQ/9.9 ".utf8))
            #expect(reply.ending == .closed)
        }
    }

    @Test func `a connection can stay silent`() async throws {
        try await withEmulator(small) { emulator, _ in
            emulator.inject(.noAnswer)
            let reply = try await WireClient(emulator, patience: 1).getPrompt("@acme/support:v1")
            #expect(reply.raw.isEmpty)
            #expect(reply.ending == .silent)
            await emulator.requests.wait(for: 1)
            #expect(emulator.requests.entries.map(\.status) == [nil])
        }
    }
}
