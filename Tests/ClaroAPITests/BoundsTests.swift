import ClaroEmulator
import Foundation
import Testing

@testable import ClaroAPI

/// A server may send anything: it costs an error and bounded memory.
struct BoundsTests {
    private func malformed(_ fault: Fault, times: Int? = nil) async throws -> APIError? {
        var result: APIError?
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(fault, on: .getPrompt, times: times)
            result = await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
            #expect(fixture.emulator.requests.total == 1)
        }
        return result
    }

    @Test func `an answer of 400 MB is broken off`() async throws {
        let error = try await malformed(.oversized(byteCount: 400_000_000))
        #expect(error?.code == .malformed)
        #expect(error?.cause == "the answer is too large")
    }

    @Test func `an answer of 100 MB that came as 100 kB is broken off`() async throws {
        let bomb = try gzip("head -c 100000000 /dev/zero")
        #expect(bomb.count < 200_000)
        let error = try await malformed(.status(200, headers: ["Content-Encoding": "gzip"], body: bomb))
        #expect(error?.cause == "the answer is too large")
    }

    @Test func `compressed answers are read`() async throws {
        let body = try gzip(#"printf '{"id":"x","content":"compressed"}'"#)
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(200, headers: ["Content-Encoding": "gzip"], body: body))
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("compressed".utf8))
        }
    }

    private func gzip(_ command: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command + " | gzip"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let result = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return Array(result)
    }

    @Test func `brackets without end are refused`() async throws {
        let error = try await malformed(.body(Array(repeating: UInt8(ascii: "["), count: 1_000_000)))
        #expect(error?.code == .malformed)
        #expect(error?.cause == "JSON nested too deeply")
    }

    @Test func `a member nested too deeply is refused`() async throws {
        #expect(try await malformed(.nesting(depth: 1000))?.cause == "JSON nested too deeply")
    }

    @Test(arguments: [Fault.garbage, .truncatedJSON, .wrongContentType, .body([])])
    func `what is no JSON is malformed`(fault: Fault) async throws {
        let error = try await malformed(fault)
        #expect(error?.code == .malformed)
        #expect(error?.status == 200)
        #expect(error?.cause.hasPrefix("not JSON at byte") == true)
    }

    @Test(arguments: ["null", "[]", "1", "\"x\"", "{}", #"{"data":[]}"#, #"{"data":{}}"#])
    func `JSON of another kind is malformed`(body: String) async throws {
        #expect(try await malformed(.body(Array(body.utf8)))?.code == .malformed)
    }

    @Test func `what is not HTTP is malformed`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.malformedHTTP, on: .getPrompt)
            let error = await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
            #expect(error?.code == .malformed)
        }
    }

    @Test func `header fields without end are refused`() async throws {
        let headers = ["X-Long": String(repeating: "x", count: 70_000)]
        #expect(try await malformed(.status(200, headers: headers))?.cause == "header fields too large")
    }

    @Test(arguments: ["content", "systemPrompt", "critiquePrompt"])
    func `a lone surrogate in a text is an error for that version only`(field: String) async throws {
        let bad = Workspace.Version("one", overrides: [field: .raw(#""\ud800""#)])
        let workspace: Workspace = [
            "acme": [Workspace.Prompt("support", title: "\u{FFFD}", versions: [bad, .init("two")])]
        ]
        try await ClientFixture.with(workspace) { fixture in
            let error = await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
            #expect(error?.code == .malformed)
            #expect(error?.cause == "\(field) is not valid Unicode")
            let other = try await fixture.prompt("acme", "support", .version(.published(2)))
            #expect(other.content == Array("two".utf8))
            let prompts = try await fixture.client.listPrompts().prompts
            #expect(prompts.count == 1)
        }
    }

    @Test func `a lone surrogate in a listed title leaves the listing whole`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.loneSurrogate, on: .listPrompts)
            let prompts = try await fixture.client.listPrompts().prompts
            #expect(prompts.map(\.name.slug) == ["support"])
        }
    }

    @Test(
        arguments: [
            ("4611686018427387904", nil), ("-1", nil), ("1.5", nil), ("\"10\"", nil), ("null", nil), ("1e400", nil),
            ("1099511627776", 1_099_511_627_776), ("1099511627777", nil), ("0", nil), ("10", 10), ("1e1", 10),
        ] as [(String, Int64?)]
    )
    func `a size that makes no sense is unknown`(fileSize: String, byteCount: Int64?) async throws {
        let item = Workspace.ContextItem.file("a.txt", .text("x"), overrides: ["fileSize": .raw(fileSize)])
        let workspace: Workspace = ["acme": [Workspace.Prompt("support", versions: [.init("one", context: [item])])]]
        try await ClientFixture.with(workspace) { fixture in
            let prompt = try await fixture.prompt()
            #expect(prompt.context.count == 1)
            #expect(
                prompt.context.first?.kind
                    == .file(fileName: "a.txt", byteCount: byteCount, mimeType: "text/plain")
            )
        }
    }

    // MARK: Listings

    private func listing(_ body: String) async throws -> APIError? {
        var result: APIError?
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.body(Array(body.utf8)), on: .listPrompts)
            result = await #expect(throws: APIError.self) { _ = try await fixture.client.listPrompts() }
        }
        return result
    }

    @Test func `a cursor that comes again is an error`() async throws {
        let error = try await listing(#"{"prompts":[],"hasMore":true,"cursor":"x"}"#)
        #expect(error?.code == .malformed)
        #expect(error?.cause == "the cursor comes again")
        #expect(error?.subject == "prompts, page 2")
    }

    @Test func `a cursor of a megabyte is an error`() async throws {
        let cursor = String(repeating: "x", count: 1 << 20)
        #expect(try await listing(#"{"prompts":[],"cursor":"\#(cursor)"}"#)?.cause == "cursor too long")
    }

    @Test func `a page that fails fails the whole listing`() async throws {
        try await ClientFixture.with(.many(250)) { fixture in
            fixture.emulator.inject(.status(500), on: RequestMatcher { $0.target.contains("cursor=") })
            let error = await #expect(throws: APIError.self) { _ = try await fixture.client.listPrompts() }
            #expect(error?.code == .serverFault)
        }
    }

    @Test(arguments: [
        #"{"prompts":[]}"#, #"{"prompts":[],"hasMore":false,"cursor":"x"}"#, #"{"prompts":[],"hasMore":true}"#,
    ])
    func `a listing ends where there is no more or no cursor`(body: String) async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.body(Array(body.utf8)), on: .listPrompts)
            let listing = try await fixture.client.listPrompts()
            #expect(listing.prompts.isEmpty)
            #expect(listing.pageCount == 1)
            #expect(fixture.emulator.requests.total == 1)
        }
    }

    @Test func `a cursor is sent back exactly, whatever it contains`() async throws {
        let cursor = "a+b/c=&limit=1 é%"
        try await ClientFixture.with { fixture in
            let body = #"{"prompts":[],"hasMore":true,"cursor":"\#(cursor)"}"#
            fixture.emulator.inject(.body(Array(body.utf8)), on: .listPrompts, times: 1)
            fixture.emulator.inject(.body(Array(#"{"prompts":[]}"#.utf8)), on: .listPrompts)
            _ = try await fixture.client.listPrompts()
            let target = fixture.emulator.requests.entries.last?.target
            #expect(target == "/v1/prompts?limit=100&cursor=a%2Bb%2Fc%3D%26limit%3D1%20%C3%A9%25")
        }
    }
}
