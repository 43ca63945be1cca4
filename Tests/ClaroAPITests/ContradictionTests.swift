import ClaroEmulator
import Testing

@testable import ClaroAPI

/// Where the API's sources contradict each other or say nothing: one test for each thing that the client tolerates.
struct ContradictionTests {
    typealias Fixture = ClientFixture

    private static func workspace(_ overrides: [String: JSON?], listing: [String: JSON?] = [:]) -> Workspace {
        [
            "acme": [
                Workspace.Prompt("support", versions: [.init("one", overrides: overrides)], listingOverrides: listing)
            ]
        ]
    }

    private func listed(_ overrides: [String: JSON?]) async throws -> [PromptSummary] {
        var prompts: [PromptSummary] = []
        try await Fixture.with(Self.workspace([:], listing: overrides)) { fixture in
            prompts = try await fixture.client.listPrompts().prompts
        }
        return prompts
    }

    private func got(_ overrides: [String: JSON?]) async throws -> ClaroAPI.Prompt {
        var result: ClaroAPI.Prompt?
        try await Fixture.with(Self.workspace(overrides)) { result = try await $0.prompt() }
        return try #require(result)
    }

    @Test func `answers may be wrapped in data`() async throws {
        try await Fixture.with(emulator: .init { $0.wrapsInEnvelope = true }) { fixture in
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("one".utf8))
            #expect(prompt.metadata["data"] == nil)
            #expect(try await fixture.client.listPrompts().prompts.count == 1)
            #expect(try await fixture.client.downloadURL(forContextItem: "ctx_faq").expiresAt != nil)
        }
    }

    @Test func `a prompt may have a field named data`() async throws {
        let prompt = try await got(["data": .raw(#"{"content":"other"}"#)])
        #expect(prompt.content == Array("one".utf8))
        #expect(prompt.metadata["data"]?["content"] == .string("other"))
    }

    @Test(arguments: Emulator.Configuration.ErrorShape.allCases)
    func `an error's body may have any shape, the status decides`(shape: Emulator.Configuration.ErrorShape) async throws
    {
        try await Fixture.with(emulator: .init { $0.errorShape = shape }) { fixture in
            let error = await #expect(throws: APIError.self) { try await fixture.prompt("acme", "missing") }
            #expect(error?.code == .notFound)
            #expect(error?.status == 404)
            #expect(error?.cause.isEmpty == (shape == .empty))
            #expect(error?.requestID == fixture.emulator.requests.entries.first?.requestID)
        }
    }

    @Test(arguments: [([.api], 1, 2), ([.plain], 2, 3), ([.api, .plain], 1, 2)] as [(Set<DownloadPath>, Int, Int)])
    func `the download URL's path is found once and kept`(paths: Set<DownloadPath>, first: Int, both: Int) async throws
    {
        try await Fixture.with(emulator: .init { $0.downloadURLPaths = paths }) { fixture in
            _ = try await fixture.client.downloadURL(forContextItem: "ctx_faq")
            #expect(fixture.emulator.requests.total == first)
            _ = try await fixture.client.downloadURL(forContextItem: "ctx_faq")
            #expect(fixture.emulator.requests.total == both)
        }
    }

    typealias DownloadPath = Emulator.Configuration.DownloadURLPath

    @Test func `an item that neither path knows is not found`() async throws {
        try await Fixture.with { fixture in
            let error = await #expect(throws: APIError.self) {
                try await fixture.client.downloadURL(forContextItem: "ctx_missing")
            }
            #expect(error?.code == .notFound)
            #expect(fixture.emulator.requests.total == 2)
        }
    }

    @Test func `a path in the base URL is kept`() async throws {
        try await Fixture.with(
            emulator: .init { $0.pathPrefix = "/claro" },
            client: { $0.baseURL = try BaseURL($0.baseURL.description + "/claro/") }
        ) { fixture in
            _ = try await fixture.prompt()
            _ = try await fixture.client.listPrompts()
            _ = try await fixture.client.downloadURL(forContextItem: "ctx_faq")
            #expect(fixture.emulator.requests.entries.allSatisfy { $0.target.hasPrefix("/claro/") })
        }
    }

    @Test(arguments: ["support", "@acme/support", "@acme/support:v1", "acme/support", "support:v1"])
    func `a listed package name may be bare or full`(packageName: String) async throws {
        let prompts = try await listed(["packageName": .string(packageName)])
        #expect(prompts.map(\.name.description) == ["@acme/support"])
    }

    @Test func `the namespace is the workspace's slug, or else the package name's`() async throws {
        let full = JSON.string("@other/support:v1")
        #expect(try await listed(["packageName": full]).map(\.name.namespace) == ["acme"])
        #expect(try await listed(["packageName": full, "workspaceSlug": nil]).map(\.name.namespace) == ["other"])
        #expect(try await listed(["packageName": full, "workspaceSlug": .null]).map(\.name.namespace) == ["other"])
        #expect(
            try await listed(["packageName": full, "workspaceSlug": .string("a b")]).map(\.name.namespace) == ["other"]
        )
    }

    @Test(arguments: [nil, .string(""), .string(".."), .string("a/b/c"), .string("a b"), .raw("1")] as [JSON?])
    func `an item without a valid name is left out and logged once`(packageName: JSON?) async throws {
        let workspace: Workspace = [
            "acme": [
                Workspace.Prompt("bad", versions: [.init("x")], listingOverrides: ["packageName": packageName]),
                Workspace.Prompt("good", versions: [.init("x")]),
            ]
        ]
        try await Fixture.with(workspace) { fixture in
            for _ in 0..<2 {
                let prompts = try await fixture.client.listPrompts().prompts
                #expect(prompts.map(\.name.slug) == ["good"])
            }
            #expect(fixture.log.lines.count == 1)
        }
    }

    @Test(
        arguments: [
            (.string("v3"), .published(3)), (.raw("3"), .published(3)), (.string("3"), .published(3)),
            (.raw("0"), .draft),
            (.string("v0"), .draft), (.string("1.2.0"), nil), (.string("v1.0.0"), nil), (.string("latest"), nil),
            (.null, nil), (nil, nil), (.bool(true), nil),
        ] as [(JSON?, Version?)]
    )
    func `a version is v and a number, or the number; all else is unknown`(sent: JSON?, version: Version?) async throws
    {
        #expect(try await listed(["version": sent]).map(\.version) == [version])
        #expect(try await got(["version": sent]).version == version)
    }

    @Test func `texts in a listing do no harm`() async throws {
        try await Fixture.with(emulator: .init { $0.listingDepth = .full }) { fixture in
            let prompts = try await fixture.client.listPrompts().prompts
            #expect(prompts.map(\.version) == [.published(2)])
        }
    }

    @Test func `several items of one prompt become one, at its newest version`() async throws {
        try await Fixture.with(emulator: .init { $0.listsEveryVersion = true }) { fixture in
            let prompts = try await fixture.client.listPrompts().prompts
            #expect(prompts.map(\.version) == [.published(2)])
            #expect(prompts.map(\.isDraftKnown) == [true])
        }
    }

    @Test(arguments: Emulator.Configuration.PageSpelling.allCases)
    func `hasMore and cursor may be spelled either way`(spelling: Emulator.Configuration.PageSpelling) async throws {
        try await Fixture.with(.many(250), emulator: .init { $0.pageSpelling = spelling }) { fixture in
            let listing = try await fixture.client.listPrompts()
            #expect(listing.prompts.count == 250)
            #expect(listing.pageCount == 3)
            #expect(fixture.emulator.requests.total == 3)
        }
    }

    @Test func `pages of a hundred are asked for, and of twenty where that is refused`() async throws {
        try await Fixture.with(.many(40)) { fixture in
            fixture.emulator.inject(.status(400), on: .listPrompts, times: 1)
            let listing = try await fixture.client.listPrompts()
            #expect(listing.prompts.count == 40)
            #expect(listing.pageCount == 2)
            let targets = fixture.emulator.requests.entries.map(\.target)
            #expect(targets[0] == "/v1/prompts?limit=100")
            #expect(targets[1] == "/v1/prompts?limit=20")
            #expect(targets.count == 3)
        }
    }

    @Test(arguments: Emulator.Configuration.TimestampUnit.allCases)
    func `times may be in milliseconds or seconds`(unit: Emulator.Configuration.TimestampUnit) async throws {
        try await Fixture.with(emulator: .init { $0.timestamps = unit }) { fixture in
            #expect(try await fixture.prompt().createdAt == Timestamp(seconds: Workspace.epoch / 1000))
            let listed = try await fixture.client.listPrompts().prompts.first
            #expect(listed?.createdAt == Timestamp(seconds: Workspace.epoch / 1000))
        }
    }

    @Test func `an ETag is used if the server sends one, and only then`() async throws {
        try await Fixture.with { fixture in
            let prompt = try await fixture.prompt()
            #expect(prompt.etag == nil)
        }
        try await Fixture.with(emulator: .init { $0.sendsETags = true }) { fixture in
            let etag = try #require(try await fixture.prompt().etag)
            let again = try await fixture.client.getPrompt(.make(), ifNoneMatch: etag)
            guard case .notModified = again else {
                Issue.record("sent again")
                return
            }
            #expect(fixture.emulator.requests.entries.map(\.status) == [200, 304])
        }
    }

    @Test func `an archived version is asked for like any other`() async throws {
        try await Fixture.with(emulator: .init { $0.archivedVersions = .notFound }) { fixture in
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("one".utf8))
        }
    }

    @Test(arguments: [(404, .notFound), (403, .forbidden)] as [(Int, APIError.Code)])
    func `a draft may be hidden from its readers`(status: Int, code: APIError.Code) async throws {
        let drafts = Emulator.Configuration.DraftVisibility.owners(of: [], othersGet: status)
        try await Fixture.with(emulator: .init { $0.drafts = drafts }) { fixture in
            let error = await #expect(throws: APIError.self) {
                try await fixture.prompt("acme", "support", .version(.draft))
            }
            #expect(error?.code == code)
        }
    }

    @Test(
        arguments: [(.resolved, .published(2)), (.literal, nil)] as [(Emulator.Configuration.LatestVersion, Version?)]
    )
    func `latest may or may not say what it is`(
        latest: Emulator.Configuration.LatestVersion,
        version: Version?
    ) async throws {
        try await Fixture.with(emulator: .init { $0.latestVersion = latest }) { fixture in
            let prompt = try await fixture.prompt("acme", "support", .latest)
            #expect(prompt.content == Array("two".utf8))
            #expect(prompt.version == version)
            #expect(fixture.emulator.requests.entries.map(\.subject) == ["@acme/support:latest"])
        }
    }

    @Test(arguments: Emulator.Configuration.EmptyContext.allCases)
    func `no context may be an empty list, null or nothing`(empty: Emulator.Configuration.EmptyContext) async throws {
        try await Fixture.with(emulator: .init { $0.emptyContext = empty }) { fixture in
            let prompt = try await fixture.prompt("acme", "support", .version(.published(2)))
            #expect(prompt.context == [])
        }
    }

    @Test func `context items of an unknown kind are left out and logged once`() async throws {
        let items = """
            [
                {"id": "a", "type": "hologram"}, {"id": "b", "url": "https://b.example"},
                {"type": "url", "url": "https://no-id.example"}, "c", null, {"id": "b", "type": "url", "url": "again"},
                {"id": "d", "type": "file", "fileName": "d.txt"}
            ]
            """
        try await Fixture.with(Self.workspace(["context": .raw(items)])) { fixture in
            for _ in 0..<2 {
                let context = try await fixture.prompt().context
                #expect(context.map(\.id) == ["b", "d"])
                #expect(context.first?.kind == .url("https://b.example"))
                #expect(context.last?.kind == .file(fileName: "d.txt", byteCount: nil, mimeType: nil))
            }
            #expect(fixture.log.lines.count == 1)
        }
    }

    @Test func `a namespace without access is forbidden, not gone`() async throws {
        try await Fixture.with(emulator: .init { $0.forbiddenNamespaces = ["acme"] }) { fixture in
            let error = await #expect(throws: APIError.self) { try await fixture.prompt() }
            #expect(error?.code == .forbidden)
            #expect(error?.status == 403)
        }
    }

    @Test func `variables are sent as strings, and only if there are any`() async throws {
        let workspace: Workspace = ["acme": [Workspace.Prompt("support", versions: [.init("Hi {{who}}, {{n}}")])]]
        try await Fixture.with(workspace) { fixture in
            #expect(try await fixture.prompt().content == Array("Hi {{who}}, {{n}}".utf8))
            let variables = ["who": "\"Ann\" 😀\n", "n": "3"]
            guard case .prompt(let prompt) = try await fixture.client.getPrompt(.make(), variables: variables) else {
                throw UnexpectedAnswer()
            }
            #expect(prompt.content == Array("Hi \"Ann\" 😀\n, 3".utf8))
        }
    }

    @Test func `raw templates beside the texts are not shown`() async throws {
        try await Fixture.with(emulator: .init { $0.sendsVersionContent = true }) { fixture in
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("one".utf8))
            for field in ["content", "systemPrompt", "critiquePrompt", "versionContent"] {
                #expect(prompt.metadata[field] == nil)
            }
        }
    }

    @Test func `fields that nobody knows are kept`() async throws {
        let prompt = try await got(["future": .raw(#"{"x":[null]}"#)])
        #expect(prompt.metadata["future"] == .object([.init(key: "x", value: .array([.null]))]))
    }

    @Test(arguments: ["/v1/health", "/health"])
    func `health is looked for at two paths`(path: String) async throws {
        try await Fixture.with { fixture in
            let other = RequestMatcher { $0.operation == .health && $0.target != path }
            fixture.emulator.inject(.status(404), on: other)
            #expect(await fixture.client.checkHealth())
        }
    }

    @Test func `without either path the API is not healthy`() async throws {
        try await Fixture.with { fixture in
            fixture.emulator.inject(.status(404))
            #expect(await fixture.client.checkHealth() == false)
        }
    }

    @Test func `the answer may be about another name than was asked for`() async throws {
        let prompt = try await got(["packageName": .string("@else/where:v9"), "workspaceSlug": .string("else")])
        #expect(prompt.content == Array("one".utf8))
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is not followed but named`(status: Int) async throws {
        try await Fixture.with { fixture in
            let target = fixture.emulator.storageURL + "/elsewhere?secret=1"
            fixture.emulator.inject(.redirect(to: target, status: status))
            let error = await #expect(throws: APIError.self) { try await fixture.prompt() }
            #expect(error?.code == .malformed)
            #expect(error?.cause == "redirect to \(fixture.emulator.storageURL)/elsewhere")
            #expect(fixture.emulator.requests.total == 1)
            let listing = await #expect(throws: APIError.self) { try await fixture.client.listPrompts() }
            #expect(listing?.status == status)
            #expect(fixture.emulator.requests.total == 2)
        }
    }

    @Test(arguments: [nil, .null, .string("")] as [JSON?])
    func `a text that is absent, null or empty is none`(value: JSON?) async throws {
        let prompt = try await got(["systemPrompt": value, "critiquePrompt": value])
        #expect(prompt.systemPrompt == nil)
        #expect(prompt.critiquePrompt == nil)
    }

    @Test func `an empty main text is a text`() async throws {
        #expect(try await got(["content": .string("")]).content == [])
    }

    @Test(arguments: [nil, .null, .raw("1"), .array([])] as [JSON?])
    func `a main text that is none makes the answer unusable`(value: JSON?) async throws {
        let error = await #expect(throws: APIError.self) { try await got(["content": value]) }
        #expect(error?.code == .malformed)
        #expect(error?.status == 200)
    }

    @Test(arguments: [true, false])
    func `a draft is one by its version or by its mark`(byMark: Bool) async throws {
        let prompt = try await got(byMark ? ["is_draft": .bool(true)] : ["version": .string("v0")])
        #expect(prompt.isDraft)
    }
}

extension Workspace {
    /// So many prompts of one version each.
    static func many(_ count: Int) -> Workspace {
        Workspace([Namespace("acme", (0..<count).map { Prompt("p\($0)", versions: [.init("text \($0)")]) })])
    }
}
