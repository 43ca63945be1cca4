import ClaroEmulator
import Foundation
import Synchronization
import Testing

struct LibraryDirectoryTests {
    @Test func `a copy of what the API says is a library again`() async throws {
        var workspace = Workspace.sample
        workspace["acme", "nasty"] = Self.nasty
        try await withTemporaryDirectory { directory in
            var originals: [String: String] = [:]
            try await withEmulator(workspace) { _, client in
                for namespace in workspace.namespaces {
                    for prompt in namespace.prompts {
                        for number in [0] + prompt.numberedVersions.map(\.number) {
                            let name = "@\(namespace.name)/\(prompt.slug):v\(number)"
                            let reply = try await client.getPrompt(name)
                            guard reply.status == 200 else { continue }
                            originals[name] = try stable(reply.json)
                            let path = "@\(namespace.name)/\(prompt.slug)/v\(number)"
                            let files = number == 1 && prompt.slug == "nasty" ? Self.nastyFiles : nil
                            try await write(reply.json, to: directory.appending(path: path), files, client)
                        }
                    }
                }
            }
            let warnings = Mutex<[String]>([])
            let library = LibraryDirectory(path: directory.path) { line in warnings.withLock { $0.append(line) } }
            try await withLibrary(library) { client in
                for (name, original) in originals {
                    let copy = try await client.getPrompt(name)
                    #expect(copy.status == 200)
                    #expect(try stable(copy.json) == original)
                }
                let page = try await client.get("/v1/prompts?limit=100").json
                #expect(page["prompts"]?.elements.count == 13)
                #expect(try await client.download("ctx_slash").text == "slash")
                #expect(try await client.download("ctx_twin2").text == "second twin")
            }
            #expect(warnings.withLock { $0 } == [])
            #expect(originals.count == 22)
        }
    }

    @Test func `a bare file is a prompt with one version`() async throws {
        try await withLibraryFiles(["@me/note.md": "Hello {{name}}\n"]) { _, client, _ in
            let object = try await client.getPrompt("@me/note:latest").json
            #expect(object["content"]?.string == "Hello {{name}}\n")
            #expect(object["version"]?.string == "v1")
            #expect(object["systemPrompt"]?.string == nil)
            #expect(try await client.getPrompt("@me/note:v2").status == 404)
        }
    }

    @Test func `what changes on disk shows in the next answer`() async throws {
        let files = ["@me/note.md": "one", "@me/deep/v1/content.md": "first"]
        try await withLibraryFiles(files) { directory, client, _ in
            #expect(try await client.getPrompt("@me/note").json["content"]?.string == "one")
            try put("two!", at: directory, "@me/note.md")
            try put("second", at: directory, "@me/deep/v2/content.md")
            try put("kind", at: directory, "@me/deep/v2/system.md")
            try put("notes", at: directory, "@me/deep/v2/context/notes.txt")
            try put("new", at: directory, "@you/fresh.md")
            #expect(try await client.getPrompt("@me/note").json["content"]?.string == "two!")
            let deep = try await client.getPrompt("@me/deep").json
            #expect(deep["version"]?.string == "v2")
            #expect(deep["systemPrompt"]?.string == "kind")
            let item = try #require(deep["context"]?.elements.first)
            #expect(item["fileName"]?.string == "notes.txt")
            #expect(item["fileSize"]?.integer == 5)
            #expect(try await client.download(item["id"]?.string ?? "").text == "notes")
            #expect(try await client.getPrompt("@you/fresh").json["content"]?.string == "new")
            try FileManager.default.removeItem(at: directory.appending(path: "@me/note.md"))
            #expect(try await client.getPrompt("@me/note").status == 404)
            let page = try await client.get("/v1/prompts").json
            #expect(page["prompts"]?.elements.compactMap { $0["packageName"]?.string } == ["deep", "fresh"])
        }
    }

    @Test func `what does not fit is left out with one warning each`() async throws {
        let files = [
            "@me/ok/v1/content.md": "ok", "@me/ok/v2/system.md": "no content", "@me/ok/v01/content.md": "x",
            "@me/ok/notes/content.md": "x", "@me/ok/latest/content.md": "x", "@me/sp ace/v1/content.md": "x",
            "@b.d/p/v1/content.md": "x", "plain/v1/content.md": "x", ".claro/status.json": "{}", "@me/.hidden/x": "x",
            "@me/ok/v1/metadata.json": "{oops",
        ]
        try await withLibraryFiles(files) { _, client, warnings in
            for _ in 0..<2 {
                let page = try await client.get("/v1/prompts").json
                #expect(page["prompts"]?.elements.compactMap { $0["packageName"]?.string } == ["ok"])
            }
            #expect(try await client.getPrompt("@me/ok:latest").json["version"]?.string == "v1")
            #expect(
                warnings().sorted() == [
                    "@b.d: not a namespace, skipped", "@me/ok/notes: not a version, skipped",
                    "@me/ok/v01: not a version, skipped",
                    "@me/ok/v1/metadata.json: expected a string at byte 1, ignored",
                    "@me/ok/v2: no content.md, skipped", "@me/sp ace: not a prompt's name, skipped",
                    "plain: not a namespace, skipped",
                ]
            )
        }
    }

    @Test func `a renamed copy is what its directories say`() async throws {
        let metadata = #"{"id":"pmt_9","packageName":"old","title":"T","version":"v7","workspaceSlug":"was","n":1.10}"#
        let files = ["@me/new/v2/content.md": "c", "@me/new/v2/metadata.json": metadata]
        try await withLibraryFiles(files) { _, client, _ in
            let text = try await client.getPrompt("@me/new:v2").text
            let object = try JSON.parse(Array(text.utf8))
            #expect(object["version"]?.string == "v2")
            #expect(object["workspaceSlug"]?.string == "me")
            #expect(object["packageName"]?.string == "new")
            #expect(object["id"]?.string == "pmt_9")
            #expect(text.contains(#""n":1.10"#))
        }
    }

    @Test func `an edited shortcut is a new address`() async throws {
        let files = [
            "@me/p/v1/content.md": "c", "@me/p/v1/context/Docs.url": "[InternetShortcut]\nURL=https://a.example/\n",
        ]
        try await withLibraryFiles(files) { _, client, _ in
            let item = try await client.getPrompt("@me/p").json["context"]?.elements.first
            #expect(item?["type"]?.string == "url")
            #expect(item?["label"]?.string == "Docs")
            #expect(item?["url"]?.string == "https://a.example/")
        }
    }

    // MARK: Fixtures

    /// File names that cannot be, twins, a missing size, an unknown kind, members that nobody knows.
    private static let nasty = Workspace.Prompt(
        "nasty",
        versions: [
            .init(
                "nasty\r\n\ttext without a final newline – ünïcödé \u{1F600}",
                context: [
                    .file("a/b\u{0}\u{202E}.txt", .text("slash"), id: "ctx_slash"),
                    .file("twin.txt", .text("first twin"), id: "ctx_twin1"),
                    .file("twin.txt", .text("second twin"), id: "ctx_twin2"),
                    .file("..", .text("dots"), id: "ctx_dots", overrides: ["fileSize": nil]),
                    .file(String(repeating: "é", count: 130) + ".md", .text("long"), id: "ctx_long"),
                    .url("ftp://example.com/x", label: "Old", id: "ctx_ftp"),
                    .url("https://host.example/path", id: "ctx_host"),
                    .other(["id": "ctx_what", "type": "hologram", "depth": 3]),
                ],
                overrides: ["rating": .number("4.50"), "category": nil, "description": "null follows"]
            )
        ]
    )

    private static let nastyFiles = [
        "ctx_slash": "a_b__.txt", "ctx_twin1": "twin.txt", "ctx_twin2": "twin~ctx_twin2.txt", "ctx_dots": "unnamed",
        "ctx_long": String(repeating: "é", count: 126) + ".md", "ctx_ftp": "Old.txt", "ctx_host": "host.example.url",
    ]

    /// Writes an answer as a mounted library shows it; `names` are its attachments' by id, or else their own.
    private func write(_ object: JSON, to directory: URL, _ names: [String: String]?, _ client: WireClient) async throws
    {
        for (member, file) in [
            ("content", "content.md"), ("systemPrompt", "system.md"), ("critiquePrompt", "critique.md"),
        ] {
            if let text = object[member]?.string { try put(text, at: directory, file) }
        }
        let texts = ["content", "systemPrompt", "critiquePrompt"]
        let metadata = JSON.object(object.members.filter { !texts.contains($0.name) })
        try put(String(decoding: metadata.encoded, as: UTF8.self), at: directory, "metadata.json")
        for item in object["context"]?.elements ?? [] {
            let id = item["id"]?.string ?? ""
            if let fileName = item["fileName"]?.string {
                let bytes = try await client.download(id).body
                try put(Data(bytes), at: directory, "context/" + (names?[id] ?? fileName))
            } else if let url = item["url"]?.string {
                let name = names?[id] ?? (item["label"]?.string ?? "") + ".url"
                try put(
                    name.hasSuffix(".txt") ? url : "[InternetShortcut]\nURL=\(url)\n",
                    at: directory,
                    "context/" + name
                )
            }
        }
    }

    /// The object without `generatedAt`, members sorted.
    private func stable(_ object: JSON) -> String {
        func sorted(_ value: JSON) -> JSON {
            switch value {
            case .object(let members):
                let kept = members.filter { $0.name != "generatedAt" }
                return .object(kept.sorted { $0.name < $1.name }.map { .init($0.name, sorted($0.value)) })
            case .array(let elements): return .array(elements.map(sorted))
            default: return value
            }
        }
        return String(decoding: sorted(object).encoded, as: UTF8.self)
    }

    private func put(_ text: String, at directory: URL, _ path: String) throws {
        try put(Data(text.utf8), at: directory, path)
    }

    private func put(_ data: Data, at directory: URL, _ path: String) throws {
        let file = directory.appending(path: path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }

    private func withLibrary(_ library: LibraryDirectory, _ body: (WireClient) async throws -> Void) async throws {
        let emulator = try await Emulator.start(library)
        do {
            try await body(WireClient(emulator))
        } catch {
            await emulator.stop()
            throw error
        }
        await emulator.stop()
    }

    private func withLibraryFiles(
        _ files: [String: String],
        _ body: (URL, WireClient, () -> [String]) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            for (path, text) in files { try put(text, at: directory, path) }
            let warnings = Mutex<[String]>([])
            let library = LibraryDirectory(path: directory.path) { line in warnings.withLock { $0.append(line) } }
            try await withLibrary(library) { client in try await body(directory, client) { warnings.withLock { $0 } } }
        }
    }
}
