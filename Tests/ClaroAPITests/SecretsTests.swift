import ClaroEmulator
import Logging
import Testing

@testable import ClaroAPI

struct SecretsTests {
    private let key = ClientFixture.key

    private func everythingPrinted(_ value: Any) -> String {
        var dumped = ""
        dump(value, to: &dumped)
        return dumped + "\(value)" + String(reflecting: value)
    }

    @Test func `no description or reflection of anything shows the key`() async throws {
        try await ClientFixture.with { fixture in
            let credentials = try Credentials(key: key)
            for value in [credentials, credentials.key, [credentials.key], Optional(credentials.key) as Any] as [Any] {
                #expect(!everythingPrinted(value).contains(key))
            }
            _ = try await fixture.prompt()
            #expect(!everythingPrinted(fixture.client).contains(key))
            #expect(!everythingPrinted(fixture.client.statistics).contains(key))
        }
    }

    @Test func `a server that repeats the key does not get it into errors or logs`() async throws {
        let body = Array(#"{"error":{"message":"bad header: Bearer \#(key)!"}}"#.utf8)
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(400, headers: ["X-Request-Id": key], body: body))
            let error = await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
            let text = everythingPrinted(try #require(error))
            #expect(text.contains("bad header: Bearer (key hidden)!"))
            #expect(!text.contains(key))
            #expect(!fixture.log.lines.joined().contains(key))
        }
    }

    @Test(arguments: [
        "\u{D4E}KEY", "KEY\u{301}", "\u{200D}KEY\u{FE0F}", #"{"message":"KEY\u0301"}"#,
        String(repeating: " ", count: 1000) + "KEY",
        String(repeating: "x", count: 980) + " KEY" + String(repeating: "x", count: 99),
    ])
    func `a key among other characters, or at the end of what is read, is not in a message`(text: String) throws {
        let message = ServerMessage(body: Array(text.replacing("KEY", with: key).utf8), hiding: try APIKey(key))
        #expect(Array(message.text.utf8).ranges(of: Array(key.utf8.prefix(10))).isEmpty)
    }

    @Test func `a message has a bounded number of bytes`() throws {
        let body = Array(String(repeating: "\u{301}", count: 10_000).utf8)
        #expect(ServerMessage(body: body, hiding: try APIKey(key)).text.utf8.count < 1000)
    }

    @Test func `the key goes in one header field of every request to the API`() async throws {
        try await ClientFixture.with(emulator: .init { $0.keys = .only([ClientFixture.key]) }) { fixture in
            _ = try await fixture.prompt()
            _ = try await fixture.client.listPrompts()
            _ = try await fixture.client.downloadURL(forContextItem: "ctx_faq")
            #expect(fixture.emulator.requests.entries.map(\.hasAuthorization) == [true, true, true])
            #expect(fixture.emulator.requests.entries.allSatisfy { !$0.target.contains(key) })
        }
    }

    @Test(arguments: [301, 302, 307, 308])
    func `the key does not go along a redirect`(status: Int) async throws {
        let other = try await Emulator.start(Workspace.small)
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.redirect(to: other.url + "/v1/prompts", status: status))
            await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
            await #expect(throws: APIError.self) { _ = try await fixture.client.listPrompts() }
            await #expect(throws: APIError.self) { _ = try await fixture.client.downloadURL(forContextItem: "ctx_faq") }
            #expect(other.requests.total == 0)
        }
        await other.stop()
    }

    @Test func `a signed URL's query is in no description, reflection or error`() async throws {
        try await ClientFixture.with { fixture in
            let url = try await fixture.client.downloadURL(forContextItem: "ctx_faq")
            let query = try #require(AbsoluteURL(url.absoluteString)?.query)
            #expect(!query.isEmpty)
            #expect(!everythingPrinted(url).contains(query))
            fixture.emulator.inject(.status(403), on: .storage)
            let receiver = DownloadReceiver(onHead: { _ in true }, onBytes: { _ in true })
            let error = await #expect(throws: APIError.self) {
                _ = try await fixture.client.download(url, receiver: receiver)
            }
            #expect(!everythingPrinted(try #require(error)).contains(query))
        }
    }

    @Test func `control characters and overlong messages of a server do not reach a log`() throws {
        let message = "a\u{1b}[31mb\r\nc\u{202e}d\u{0}e " + String(repeating: "x", count: 500)
        let text = ServerMessage.line(message, hiding: try APIKey(key))
        #expect(text.hasPrefix("a [31mb c d e x"))
        #expect(text.count == 201)
        #expect(text.hasSuffix("…"))
    }
}
