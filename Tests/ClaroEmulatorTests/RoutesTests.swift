import ClaroEmulator
import Testing

/// One prompt with a number of everything.
let small: Workspace = [
    "acme": [
        Workspace.Prompt(
            "support",
            id: "pmt_1",
            title: "Support",
            description: "Answers",
            category: "support",
            tags: ["a", "b"],
            createdAt: 1_700_000_000_000,
            versions: [
                .init("one {{name:string}}", context: [.file("a.txt", .text("0123456789"), id: "ctx_a")]),
                .init(
                    "two {{name:string // who}} {{other}}",
                    system: "system {{ name }}",
                    critique: "critique {{name}}",
                    context: [.url("https://example.com/kb", label: "KB", fetchedAt: 5, id: "ctx_u", createdAt: 7)],
                    createdAt: 1_700_000_001_000
                ),
            ],
            draft: .init("draft")
        )
    ],
    "other": [
        Workspace.Prompt("only-draft", draft: .init("d")),
        Workspace.Prompt("plain", versions: [.init("p")]),
    ],
]

struct RoutesTests {
    @Test func `get answers the documented object`() async throws {
        try await withEmulator(small) { _, client in
            let reply = try await client.getPrompt("@acme/support:v2")
            #expect(reply.status == 200)
            #expect(reply.header("Content-Type") == "application/json")
            #expect(reply.header("X-Request-Id") == "req_1")
            let generatedAt = try #require(reply.json["metadata"]?["generatedAt"]?.integer)
            #expect(
                reply.text == """
                    {"id":"pmt_1","title":"Support","content":"two {{name:string // who}} {{other}}",\
                    "systemPrompt":"system {{ name }}","critiquePrompt":"critique {{name}}","description":"Answers",\
                    "category":"support","tags":["a","b"],"version":"v2","workspaceSlug":"acme",\
                    "packageName":"support","context":[{"id":"ctx_u","type":"url","label":"KB",\
                    "url":"https://example.com/kb","urlFetchedAt":5,"createdAt":7}],\
                    "metadata":{"createdAt":1700000001000,"generatedAt":\(generatedAt)}}
                    """
            )
        }
    }

    @Test(arguments: [
        ("@acme/support", "two {{name:string // who}} {{other}}"),
        ("@acme/support:latest", "two {{name:string // who}} {{other}}"),
        ("@acme/support:v1", "one {{name:string}}"), ("@acme/support:v0", "draft"),
    ])
    func `a version is found by its word`(name: String, content: String) async throws {
        try await withEmulator(small) { _, client in
            let object = try await client.getPrompt(name).json
            #expect(object["content"]?.string == content)
        }
    }

    @Test(arguments: [
        ("@acme/support:v3", 404), ("@acme/nothing:v1", 404), ("@nobody/support:v1", 404), ("@acme/support:v01", 404),
        ("@acme/support:v1.0", 404), ("@other/only-draft:latest", 404), ("@ACME/support:v1", 404),
        ("acme/support:v1", 400), ("@acme/sup.port:v1", 400), ("@acme/support:", 400), ("", 400),
    ])
    func `a name that leads nowhere has its status`(name: String, status: Int) async throws {
        try await withEmulator(small) { _, client in
            let reply = try await client.getPrompt(name)
            #expect(reply.status == status)
        }
    }

    @Test func `errors have the documented shape`() async throws {
        try await withEmulator(small) { _, client in
            let notFound = try await client.getPrompt("@acme/support:v9")
            #expect(notFound.text == #"{"error":{"code":"not_found","message":"Prompt not found: @acme/support:v9"}}"#)
            let keyless = try await WireClient(client.url, key: nil).getPrompt("@acme/support:v1")
            #expect(keyless.status == 401)
            #expect(keyless.text == #"{"error":{"code":"unauthorized","message":"API key is missing"}}"#)
            let unknown = try await client.get("/v2/prompts")
            #expect(unknown.status == 404)
        }
    }

    @Test func `variables are filled into all three texts, and unknown ones left`() async throws {
        try await withEmulator(small) { _, client in
            let body: JSON = ["package_name": "@acme/support:v2", "variables": ["name": "{{other}}", "more": "x"]]
            let object = try await client.send("POST", "/v1/prompts/get", body: body.encoded).json
            #expect(object["content"]?.string == "two {{other}} {{other}}")
            #expect(object["systemPrompt"]?.string == "system {{other}}")
            #expect(object["critiquePrompt"]?.string == "critique {{other}}")
        }
    }

    @Test func `a listing is summaries of the newest versions`() async throws {
        try await withEmulator(small) { _, client in
            let reply = try await client.get("/v1/prompts?limit=1")
            let cursor = try #require(reply.json["cursor"]?.string)
            #expect(
                reply.text == """
                    {"prompts":[{"id":"pmt_1","title":"Support","category":"support","tags":["a","b"],"version":"v2",\
                    "workspaceSlug":"acme","packageName":"support","metadata":{"createdAt":1700000001000}}],\
                    "cursor":"\(cursor)","hasMore":true}
                    """
            )
        }
    }

    @Test func `pages follow each other without a gap or a repetition`() async throws {
        try await withEmulator(.generated(prompts: 45, versions: 1, textByteCount: 10)) { _, client in
            var slugs: [String] = []
            var target = "/v1/prompts"
            var pageSizes: [Int] = []
            repeat {
                let page = try await client.get(target).json
                let names = page["prompts"]?.elements.compactMap { $0["packageName"]?.string } ?? []
                slugs += names
                pageSizes.append(names.count)
                target = "/v1/prompts?cursor=" + (page["cursor"]?.string ?? "").replacing("=", with: "%3D")
            } while target != "/v1/prompts?cursor="
            #expect(pageSizes == [20, 20, 5])
            #expect(slugs.count == 45)
            #expect(Set(slugs).count == 45)
        }
    }

    @Test(arguments: ["limit=0", "limit=101", "limit=x", "limit=-1", "cursor=%21"])
    func `a page that cannot be is refused`(query: String) async throws {
        try await withEmulator(small) { _, client in
            let reply = try await client.get("/v1/prompts?\(query)")
            #expect(reply.status == 400)
            #expect(try reply.json["error"]?["code"]?.string == "validation_error")
        }
    }

    @Test func `a file is downloaded from another origin without the key`() async throws {
        try await withEmulator(small) { emulator, client in
            let answer = try await client.get("/api/v1/prompts/context/download-url?contextId=ctx_a").json
            let url = try #require(answer["url"]?.string)
            #expect(answer["expiresIn"]?.integer == 300)
            #expect(url.hasPrefix(emulator.storageURL + "/files/ctx_a?"))
            #expect(emulator.storageURL != emulator.url)
            let reply = try await client.open(url)
            #expect(reply.status == 200)
            #expect(reply.text == "0123456789")
            #expect(reply.header("Content-Length") == "10")
            #expect(reply.header("Content-Type") == "text/plain")
            #expect(emulator.requests.entries.last?.hasAuthorization == false)
            #expect(try await client.open(url.replacing("signature=", with: "signature=0")).status == 403)
        }
    }

    @Test(arguments: [("ctx_u", 400), ("ctx_none", 404), ("", 400)])
    func `what is no file has no download URL`(id: String, status: Int) async throws {
        try await withEmulator(small) { _, client in
            let reply = try await client.get("/v1/prompts/context/download-url?contextId=\(id)")
            #expect(reply.status == status)
        }
    }

    @Test(arguments: [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"), ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=4-", 206, "456789", "bytes 4-9/10"), ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=-99", 206, "0123456789", "bytes 0-9/10"), ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=-0", 416, "", "bytes */10"), ("bytes=5-2", 200, "0123456789", nil),
        ("lines=1-2", 200, "0123456789", nil), ("bytes=0-1,4-5", 200, "0123456789", nil),
    ])
    func `a single range is served`(range: String, status: Int, body: String, contentRange: String?) async throws {
        try await withEmulator(small) { emulator, client in
            let reply = try await client.download("ctx_a", headers: ["Range": range])
            #expect(reply.status == status)
            #expect(reply.text == body)
            #expect(reply.header("Content-Range") == contentRange)
            #expect(emulator.requests.entries.last?.range == range)
        }
    }

    @Test(arguments: ["/health", "/v1/health"])
    func `health needs no key`(path: String) async throws {
        try await withEmulator(small) { emulator, client in
            let reply = try await WireClient(client.url, key: nil).get(path)
            #expect(reply.status == 200)
            #expect(reply.text == #"{"status":"ok"}"#)
            #expect(emulator.requests.count(of: .health) == 1)
        }
    }

    @Test func `a change shows in the next answer`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.update { workspace in
                workspace["acme", "support"]?.publish(.init("three"))
                workspace["acme", "support"]?.draft?.content = "edited"
                workspace["other", "plain"] = nil
                workspace["new", "one"] = Workspace.Prompt("one", versions: [.init("1")])
            }
            let latest = try await client.getPrompt("@acme/support:latest").json
            #expect(latest["version"]?.string == "v3")
            #expect(try await client.getPrompt("@acme/support:v0").json["content"]?.string == "edited")
            #expect(try await client.getPrompt("@other/plain:v1").status == 404)
            #expect(try await client.getPrompt("@new/one").json["content"]?.string == "1")
            #expect(emulator.workspace.namespaces.map(\.name) == ["acme", "other", "new"])
        }
    }

    @Test func `an object can be overridden member by member, or whole`() async throws {
        var workspace = small
        workspace["acme", "support"]?.versions[0].overrides = ["title": .raw(#""\ud800""#), "tags": nil, "extra": 1]
        workspace["acme", "support"]?.versions[1].body = Array("[1,".utf8)
        workspace["acme", "support"]?.listingOverrides = ["packageName": "../x"]
        try await withEmulator(workspace) { _, client in
            let text = try await client.getPrompt("@acme/support:v1").text
            #expect(text.contains(#""title":"\ud800""#) && !text.contains("tags") && text.hasSuffix(#""extra":1}"#))
            #expect(try await client.getPrompt("@acme/support:v2").text == "[1,")
            #expect(try await client.get("/v1/prompts?limit=1").text.contains(#""packageName":"../x""#))
        }
    }
}
