import ClaroEmulator
import Testing

/// Each switch of the configuration, by what it changes on the wire.
struct SwitchTests {
    @Test func `every success can be wrapped`() async throws {
        try await withEmulator(small, { $0.wrapsInEnvelope = true }) { _, client in
            let prompt = try await client.getPrompt("@acme/support:v1").json
            #expect(prompt["data"]?["id"]?.string == "pmt_1" && prompt["id"] == nil)
            let page = try await client.get("/v1/prompts").json
            #expect(page["data"]?["prompts"]?.elements.count == 3)
            let error = try await client.getPrompt("@acme/support:v9").json
            #expect(error["error"]?["code"]?.string == "not_found")
        }
    }

    @Test(
        arguments: [
            (.object, #"{"error":{"code":"not_found","message":"Prompt not found: @a/b"}}"#),
            (.string, #"{"error":"Prompt not found: @a/b"}"#), (.topLevel, #"{"message":"Prompt not found: @a/b"}"#),
            (.text, "Prompt not found: @a/b\n"), (.empty, ""),
        ] as [(Emulator.Configuration.ErrorShape, String)]
    )
    func `errors come in five shapes`(shape: Emulator.Configuration.ErrorShape, body: String) async throws {
        try await withEmulator(small, { $0.errorShape = shape }) { _, client in
            let reply = try await client.getPrompt("@a/b")
            #expect(reply.status == 404)
            #expect(reply.text == body)
        }
    }

    @Test(
        arguments: [
            (.string, #""version":"v1","#), (.number, #""version":1,"#), (.digits, #""version":"1","#), (.absent, nil),
        ] as [(Emulator.Configuration.VersionType, String?)]
    )
    func `the version comes in four types`(type: Emulator.Configuration.VersionType, member: String?) async throws {
        try await withEmulator(small, { $0.versionType = type }) { _, client in
            let text = try await client.getPrompt("@acme/support:v1").text
            #expect(text.contains("\"version\"") == (member != nil))
            if let member { #expect(text.contains(member)) }
        }
    }

    @Test func `the package name can be full`() async throws {
        try await withEmulator(small, { $0.packageName = .full }) { _, client in
            let object = try await client.getPrompt("@acme/support:latest").json
            #expect(object["packageName"]?.string == "@acme/support:v2")
        }
    }

    @Test func `timestamps can be seconds`() async throws {
        try await withEmulator(small, { $0.timestamps = .seconds }) { _, client in
            let object = try await client.getPrompt("@acme/support:v2").json
            #expect(object["metadata"]?["createdAt"]?.integer == 1_700_000_001)
            #expect(try #require(object["metadata"]?["generatedAt"]?.integer) < 100_000_000_000)
        }
    }

    @Test(
        arguments: [(.array, #""context":[]"#), (.null, #""context":null"#), (.absent, nil)]
            as [(Emulator.Configuration.EmptyContext, String?)]
    )
    func `an empty context comes in three forms`(
        form: Emulator.Configuration.EmptyContext,
        member: String?
    ) async throws {
        try await withEmulator(small, { $0.emptyContext = form }) { _, client in
            let text = try await client.getPrompt("@other/plain:v1").text
            #expect(text.contains("context") == (member != nil))
            if let member { #expect(text.contains(member)) }
        }
    }

    @Test func `the texts can be repeated`() async throws {
        try await withEmulator(small, { $0.sendsVersionContent = true }) { _, client in
            let object = try await client.getPrompt("@acme/support:v2").json
            #expect(object["versionContent"]?["systemPrompt"]?.string == "system {{ name }}")
        }
    }

    @Test func `an ETag that still holds is answered by 304`() async throws {
        try await withEmulator(small, { $0.sendsETags = true }) { emulator, client in
            let first = try await client.getPrompt("@acme/support:v0")
            let etag = try #require(first.header("ETag"))
            let second = try await client.getPrompt("@acme/support:v0", headers: ["If-None-Match": etag])
            #expect(second.status == 304)
            #expect(second.body.isEmpty)
            #expect(second.header("ETag") == etag)
            emulator.update { $0["acme", "support"]?.draft?.content = "new" }
            let third = try await client.getPrompt("@acme/support:v0", headers: ["If-None-Match": etag])
            #expect(third.status == 200)
            #expect(third.header("ETag") != etag)
        }
    }

    @Test func `no ETag is sent unless asked for`() async throws {
        try await withEmulator(small) { _, client in
            let reply = try await client.getPrompt("@acme/support:v1", headers: ["If-None-Match": "*"])
            #expect(reply.status == 200)
            #expect(reply.header("ETag") == nil)
        }
    }

    @Test func `a listing can be deep, per version, without versions, or spelt in snake case`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.configuration.listingDepth = .full
            var page = try await client.get("/v1/prompts").json
            #expect(page["prompts"]?.elements.first?["systemPrompt"]?.string == "system {{ name }}")

            emulator.configuration = .init { $0.listsEveryVersion = true }
            page = try await client.get("/v1/prompts").json
            #expect(page["prompts"]?.elements.compactMap { $0["version"]?.string } == ["v1", "v2", "v0", "v0", "v1"])

            emulator.configuration = .init { $0.listingVersion = .absent }
            page = try await client.get("/v1/prompts").json
            #expect(page["prompts"]?.elements.compactMap { $0["version"]?.string } == [])

            emulator.configuration = .init { $0.pageSpelling = .snakeCase }
            page = try await client.get("/v1/prompts?limit=2").json
            #expect(page.members.map(\.name) == ["prompts", "next_cursor", "has_more"])
        }
    }

    @Test func `the default page size can be chosen`() async throws {
        try await withEmulator(.generated(prompts: 60, versions: 1), { $0.defaultPageSize = 50 }) { _, client in
            let page = try await client.get("/v1/prompts").json
            #expect(page["prompts"]?.elements.count == 50)
        }
    }

    @Test func `an answer for latest can say just that`() async throws {
        try await withEmulator(small, { $0.latestVersion = .literal }) { _, client in
            let latest = try await client.getPrompt("@acme/support:latest").json
            #expect(latest["version"]?.string == "latest")
            #expect(try await client.getPrompt("@acme/support:v2").json["version"]?.string == "v2")
        }
    }

    @Test func `archived versions are served, or not`() async throws {
        var workspace = small
        workspace["acme", "support"]?.versions[1].isArchived = true
        try await withEmulator(workspace) { emulator, client in
            let latest = try await client.getPrompt("@acme/support:latest").json
            #expect(latest["version"]?.string == "v1")
            #expect(try await client.getPrompt("@acme/support:v2").status == 200)
            emulator.configuration.archivedVersions = .notFound
            #expect(try await client.getPrompt("@acme/support:v2").status == 404)
        }
    }

    @Test func `drafts can be their owner's alone`() async throws {
        let change: (inout Emulator.Configuration) -> Void = { $0.drafts = .owners(of: ["sk_owner"], othersGet: 403) }
        try await withEmulator(small, change) { emulator, client in
            let owner = try await WireClient(emulator, key: "sk_owner").getPrompt("@acme/support:v0")
            #expect(owner.status == 200)
            #expect(try await client.getPrompt("@acme/support:v0").status == 403)
            let page = try await client.get("/v1/prompts").json
            #expect(page["prompts"]?.elements.compactMap { $0["packageName"]?.string } == ["support", "plain"])
            emulator.configuration.drafts = .nobody
            #expect(try await client.getPrompt("@acme/support:v0").status == 404)
        }
    }

    @Test(
        arguments: [(.api, "/api/v1", "/v1"), (.plain, "/v1", "/api/v1")]
            as [(Emulator.Configuration.DownloadURLPath, String, String)]
    )
    func `the download URL's path can be either alone`(
        path: Emulator.Configuration.DownloadURLPath,
        served: String,
        missing: String
    ) async throws {
        try await withEmulator(small, { $0.downloadURLPaths = [path] }) { _, client in
            let found = try await client.get("\(served)/prompts/context/download-url?contextId=ctx_a")
            #expect(found.status == 200)
            let lost = try await client.get("\(missing)/prompts/context/download-url?contextId=ctx_a")
            #expect(lost.status == 404)
        }
    }

    @Test func `the API answers under a path prefix too`() async throws {
        try await withEmulator(small, { $0.pathPrefix = "/claro" }) { _, client in
            for path in ["/claro/v1/prompts", "/v1/prompts"] {
                let reply = try await client.get(path)
                #expect(reply.status == 200)
            }
            let other = try await client.get("/other/v1/prompts")
            #expect(other.status == 404)
        }
    }

    @Test func `signed URLs expire`() async throws {
        try await withEmulator(small, { $0.signedURLLifetime = .zero }) { _, client in
            let reply = try await client.download("ctx_a")
            #expect(reply.status == 403)
        }
    }

    @Test func `signed URLs can work once`() async throws {
        try await withEmulator(small, { $0.signedURLsWorkOnce = true }) { _, client in
            let answer = try await client.get("/v1/prompts/context/download-url?contextId=ctx_a").json
            let url = try #require(answer["url"]?.string)
            #expect(try await client.open(url).status == 200)
            #expect(try await client.open(url).status == 403)
        }
    }

    @Test func `the lifetime can be left out`() async throws {
        try await withEmulator(small, { $0.sendsSignedURLLifetime = false }) { _, client in
            let answer = try await client.get("/v1/prompts/context/download-url?contextId=ctx_a").json
            #expect(answer.members.map(\.name) == ["url"])
        }
    }

    @Test func `storage can ignore ranges`() async throws {
        try await withEmulator(small, { $0.acceptsRanges = false }) { _, client in
            let reply = try await client.download("ctx_a", headers: ["Range": "bytes=1-2"])
            #expect(reply.status == 200)
            #expect(reply.text == "0123456789")
            #expect(reply.header("Accept-Ranges") == nil)
        }
    }

    @Test func `storage can leave the length out`() async throws {
        try await withEmulator(small, { $0.storageFraming = .chunked }) { _, client in
            let reply = try await client.download("ctx_a")
            #expect(reply.header("Content-Length") == nil)
            #expect(reply.header("Transfer-Encoding") == "chunked")
            #expect(reply.text == "0123456789")
        }
    }

    @Test(
        arguments: [(.true, 10), (.absent, nil), (.fixed(-1), -1), (.off(by: 5), 15), (.fixed(1 << 62), 1 << 62)]
            as [(Emulator.Configuration.FileSize, Int64?)]
    )
    func `the file size can lie`(size: Emulator.Configuration.FileSize, shown: Int64?) async throws {
        try await withEmulator(small, { $0.fileSize = size }) { _, client in
            let object = try await client.getPrompt("@acme/support:v1").json
            #expect(object["context"]?.elements.first?["fileSize"]?.integer == shown)
        }
    }

    @Test func `only listed keys are accepted`() async throws {
        try await withEmulator(small, { $0.keys = .only(["sk_1", "sk_2"]) }) { emulator, client in
            let refused = try await client.get("/v1/prompts")
            #expect(refused.status == 401)
            #expect(refused.text == #"{"error":{"code":"unauthorized","message":"API key is invalid"}}"#)
            #expect(try await WireClient(emulator, key: "sk_2").get("/v1/prompts").status == 200)
        }
    }

    @Test func `a forbidden namespace is 403 by name and left out of the listing`() async throws {
        try await withEmulator(small, { $0.forbiddenNamespaces = ["acme"] }) { _, client in
            let prompt = try await client.getPrompt("@acme/support:v1")
            #expect(prompt.status == 403)
            #expect(try prompt.json["error"]?["code"]?.string == "forbidden")
            #expect(try await client.get("/v1/prompts/context/download-url?contextId=ctx_a").status == 403)
            let page = try await client.get("/v1/prompts").json
            #expect(page["prompts"]?.elements.compactMap { $0["workspaceSlug"]?.string } == ["other", "other"])
        }
    }

    @Test func `limits are counted for each key and told in headers`() async throws {
        try await withEmulator(small, { $0.rateLimits = .init(perMinute: 2, perHour: 100) }) { emulator, client in
            var remaining: [String?] = []
            for _ in 0..<2 { remaining.append(try await client.get("/v1/prompts").header("X-RateLimit-Remaining")) }
            #expect(remaining == ["1", "0"])
            let refused = try await client.get("/v1/prompts")
            #expect(refused.status == 429)
            #expect(refused.header("X-RateLimit-Limit") == "2")
            #expect(refused.header("X-RateLimit-Remaining") == "0")
            let seconds = try #require(refused.header("Retry-After").flatMap { Int64($0) })
            #expect((1...60).contains(seconds))
            #expect(try refused.json["error"]?["retry_after"]?.integer == seconds)
            #expect(refused.header("X-RateLimit-Reset").flatMap { Int64($0) } != nil)
            #expect(try await WireClient(emulator, key: "sk_other").get("/v1/prompts").status == 200)
        }
    }

    @Test(arguments: [(.seconds, "7"), (.absent, nil)] as [(Emulator.Configuration.RetryAfterForm, String?)])
    func `Retry-After is a number, or not there`(
        form: Emulator.Configuration.RetryAfterForm,
        value: String?
    ) async throws {
        try await withEmulator(small, { $0.retryAfter = form }) { emulator, client in
            emulator.inject(.rateLimit(retryAfter: 7))
            let reply = try await client.get("/v1/prompts")
            #expect(reply.status == 429)
            #expect(reply.header("Retry-After") == value)
        }
    }

    @Test func `Retry-After can be a date`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.rateLimit(retryAfter: 7, form: .date))
            let date = try #require(try await client.get("/v1/prompts").header("Retry-After"))
            #expect(date.wholeMatch(of: /[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/) != nil)
        }
    }
}
