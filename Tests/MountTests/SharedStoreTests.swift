import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What several mounts, keys and servers do with one cache directory.
struct SharedStoreTests {
    private static let library: Workspace = [
        "acme": [
            .init("support", versions: [.init("one"), .init("two", context: [.file("faq.txt", .text("faq"))])]),
            .init("billing", versions: [.init("bill")]),
        ],
        "private": [.init("plan", versions: [.init("plan")])],
    ]

    private static let otherKey = "sk_live_another3456789abcdefghijklmnopqrstuvwxyzABCD"

    // MARK: At once

    @Test func `two mounts and 16 readers of a cold store fetch each version and each attachment once`() async throws {
        let library = Workspace.generated(prompts: 12, versions: 2, attachmentByteCount: 300_000)
        try await StoreFixture.with(library) { store async throws in
            // So that they meet at every request.
            store.emulator.latency = .milliseconds(50)
            let readers = """
                for i in {1..8}; do
                    (find . -path './.claro' -prune -o -type f -print0 | sort -z | xargs -0 cat | sha256sum) &
                done
                wait
                """
            let texts = try await withThrowingTaskGroup(of: String.self) { group in
                for name in ["first", "second"] {
                    group.addTask {
                        var text = ""
                        try await store.mount(at: name) { mount async throws in
                            text = try await mount.output(of: readers)
                        }
                        return text
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let sums = texts.flatMap { $0.split(separator: "\n") }
            #expect(sums.count == 16)
            #expect(Set(sums).count == 1)
            for (operation, count) in [(Operation.getPrompt, 24), (.downloadURL, 24), (.storage, 24)] {
                let subjects = store.emulator.requests.entries.filter { $0.operation == operation }.compactMap(
                    \.subject
                )
                #expect(subjects.count == count, "\(operation): \(subjects.sorted())")
                #expect(Set(subjects).count == count)
            }
        }
    }

    @Test func `what one mount has fetched another that is there already does not fetch`() async throws {
        let file = Workspace.Attachment.synthetic(seed: 3, byteCount: 20 << 20)
        let library: Workspace = [
            "acme": [.init("support", versions: [.init("one", context: [.file("large.bin", file, id: "ctx_large")])])]
        ]
        try await StoreFixture.with(library) { store async throws in
            let name = "@acme/support/v1/context/large.bin"
            try await store.mount(at: "first") { first async throws in
                try await store.mount(at: "second") { second async throws in
                    // Both know the file's beginning.
                    for mount in [first, second] { try await mount.output(of: "head -c 1000 \(name) | wc -c") }
                    _ = try await first.read(name)
                    let requests = try await store.requests { () async throws in
                        #expect(try await second.read(name) == (try file.read(0..<20 << 20)))
                    }
                    #expect(requests.summary == [])
                }
            }
        }
    }

    @Test(arguments: Emulator.Configuration.ListingVersion.allCases)
    func `what one mount has renewed no other asks for again`(
        listingVersion: Emulator.Configuration.ListingVersion
    ) async throws {
        let library: Workspace = [
            "acme": [.init("support", versions: [.init("one"), .init("two")], draft: .init("draft"))]
        ]
        let configuration = Emulator.Configuration { $0.listingVersion = listingVersion }
        try await StoreFixture.with(library, configuration: configuration) { store async throws in
            let options = ["ttl=5s", "draft_ttl=5s"]
            let look = "ls @acme @acme/support; cat @acme/support/latest/content.md @acme/support/v0/content.md"
            try await store.mount(at: "first", options) { first async throws in
                try await store.mount(at: "second", options) { second async throws in
                    for mount in [first, second] { try await mount.output(of: look) }
                    store.emulator.update { workspace in
                        workspace["acme", "support"]?.publish(.init("three"))
                        workspace["acme", "support"]?.draft = .init("another")
                        workspace["acme", "new"] = .init("new", versions: [.init("new")])
                    }
                    try await Task.sleep(for: .seconds(6))
                    var text = ""
                    let renewal = try await store.requests { () async throws in
                        text = try await first.output(of: look)
                    }
                    #expect(renewal.count == 3 && text.hasSuffix("threeanother"), "\(renewal.summary): \(text)")
                    let requests = try await store.requests { () async throws in
                        #expect(try await second.output(of: look) == text)
                    }
                    #expect(requests.summary == [])
                }
            }
        }
    }

    @Test func `a mount that ends leaves the others their cache`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount(at: "first") { first async throws in
                try await store.mount(at: "second") { second async throws in
                    _ = try await second.read("@acme/support/v2/context/faq.txt")
                }
                let requests = try await store.requests { () async throws in
                    #expect(try await first.text("@acme/support/v2/context/faq.txt") == "faq")
                }
                #expect(requests.summary == [])
            }
        }
    }

    // MARK: Keys and servers

    @Test func `keys and servers do not share`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let other = try await Emulator.start(["acme": [.init("support", versions: [.init("other")])]])
            for _ in 1...2 {
                try await store.mount { mount async throws in
                    #expect(try await mount.text("@acme/support/v1/content.md") == "one")
                }
                try await store.mount(key: Self.otherKey) { mount async throws in
                    #expect(try await mount.text("@acme/support/v1/content.md") == "one")
                }
                try await MountFixture.start(other, in: store.scratch).run { mount async throws in
                    #expect(try await mount.text("@acme/support/v1/content.md") == "other")
                }
            }
            #expect(
                store.emulator.requests.entries.map(\.operation) == [
                    .listPrompts, .getPrompt, .listPrompts, .getPrompt,
                ]
            )
            #expect(other.requests.entries.map(\.operation) == [.listPrompts, .getPrompt])
            #expect(try await store.output(of: "find cache -mindepth 1 -type d | wc -l") == "3\n")
            await other.stop()
        }
    }

    @Test func `no key is in the cache`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let file = try store.scratch.write(Array(Self.otherKey.utf8), to: "credentials")
            try await store.mount { mount async throws in try await mount.output(of: "grep -r . > /dev/null") }
            try await store.mount(["credentials=\(file)"], key: nil) { mount async throws in
                try await mount.output(of: "grep -r . > /dev/null")
            }
            for key in [MountFixture.key, Self.otherKey] {
                #expect(try await store.output(of: "grep -rac '\(key)' cache | grep -v ':0$'; true") == "")
            }
        }
    }

    @Test func `a new key in the same file takes over what was read, and looks up again what it does not list`()
        async throws
    {
        try await StoreFixture.with(Self.library) { store async throws in
            let options = ["credentials=\(try store.scratch.write(Array(MountFixture.key.utf8), to: "credentials"))"]
            let all = ["@acme/support/v2/content.md", "@acme/billing/v1/content.md", "@private/plan/v1/content.md"]
            try await store.mount(options, key: nil) { mount async throws in
                for name in all { _ = try await mount.read(name) }
                _ = try await mount.read("@acme/support/v2/context/faq.txt")
            }
            _ = try store.scratch.write(Array(Self.otherKey.utf8), to: "credentials")
            store.emulator.configuration.forbiddenNamespaces = ["private"]
            store.emulator.update { $0["acme", "billing"] = nil }
            let requests = try await store.requests { () async throws in
                try await store.mount(options, key: nil) { mount async throws in
                    #expect(try await mount.text("@acme/support/v2/content.md") == "two")
                    #expect(try await mount.text("@acme/support/v2/context/faq.txt") == "faq")
                    #expect(try await mount.lookupError("@acme/billing/v1/content.md") == .ENOENT)
                    #expect(try await mount.lookupError("@private/plan/v1/content.md") == .EACCES)
                }
            }
            #expect(requests.summary == ["listPrompts /v1/prompts?limit=100", "getPrompt @private/plan:latest"])
        }
    }

    @Test func `a new key in the environment begins anew`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            for key in [MountFixture.key, Self.otherKey] {
                let requests = try await store.requests { () async throws in
                    try await store.mount(key: key) { mount async throws in
                        _ = try await mount.read("@acme/support/v1/content.md")
                    }
                }
                #expect(requests.map(\.operation) == [.listPrompts, .getPrompt])
            }
        }
    }

    @Test func `a new key that is refused costs the old one nothing`() async throws {
        let configuration = Emulator.Configuration { $0.keys = .only([MountFixture.key]) }
        try await StoreFixture.with(Self.library, configuration: configuration) { store async throws in
            let options = ["credentials=\(try store.scratch.write(Array(MountFixture.key.utf8), to: "credentials"))"]
            try await store.mount(options, key: nil) { mount async throws in
                _ = try await mount.read("@acme/support/v1/content.md")
            }
            _ = try store.scratch.write(Array(Self.otherKey.utf8), to: "credentials")
            await #expect(throws: MountFixture.MountError.self) { try await store.mount(options, key: nil) }
            _ = try store.scratch.write(Array(MountFixture.key.utf8), to: "credentials")
            await store.emulator.stop()
            try await store.mount(options, key: nil) { mount async throws in
                #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            }
        }
    }

    // MARK: The directory

    @Test(arguments: [
        ("chmod 755 cache", "chmod 700"), ("chmod 701 cache", "chmod 700"), ("chown 12345 cache", "somebody else"),
        ("rmdir cache && mkdir there && ln -s there cache", "cache=DIR"), ("rmdir cache && touch cache", "cache=DIR"),
    ])
    func `a cache directory that is open to others or not one's own is refused`(
        change: String,
        advice: String
    ) async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.output(of: "mkdir -m 700 cache && \(change)")
            do {
                try await store.mount()
                Issue.record("it is mounted")
            } catch let error as MountFixture.MountError {
                #expect(error.description.hasPrefix("mount.claro ended with 1: "), "\(error)")
                #expect(error.description.contains(advice), "\(error)")
            }
            #expect(store.emulator.requests.total == 0)
        }
    }

    @Test func `the cache is its owner's alone, and marked as one`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount { mount async throws in
                _ = try await mount.read("@acme/support/v2/context/faq.txt")
                let open = "find cache -type d ! -perm 700 -o ! -type d ! -perm 600"
                #expect(try await store.output(of: open) == "")
            }
            let tag = try String(contentsOfFile: "\(store.cache)/CACHEDIR.TAG", encoding: .utf8)
            #expect(tag.hasPrefix("Signature: 8a477f597d28d172789f06886806bc55\n"))
            #expect(
                try await store.output(of: "tar c --exclude-caches cache 2>/dev/null | tar t")
                    == "cache/\ncache/CACHEDIR.TAG\n"
            )
        }
    }
}
