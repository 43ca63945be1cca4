import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// That something is not there is kept like what is there.
struct AbsenceTests {
    private static let library: Workspace = [
        "acme": [.init("support", versions: [.init("one"), .init("two")])]
    ]

    /// The second version answers 404 until it is restored.
    private static let archive: Workspace = {
        var archived = Workspace.Version("two")
        archived.isArchived = true
        return ["acme": [.init("support", versions: [.init("one"), archived, .init("three")])]]
    }()

    private static let hidingArchived = Emulator.Configuration { $0.archivedVersions = .notFound }

    /// Each of the first three costs a request.
    private static let absent = [
        "@acme/support/v9", "@acme/support/v0", "@other/missing", "@other/missing:latest", "@other/missing/v1",
    ]

    private static func lookUpAll(_ mount: MountFixture) async throws {
        for name in absent { #expect(try await mount.lookupError(name) == .ENOENT, "\(name)") }
    }

    @Test(arguments: [("1h", [3, 0, 0]), ("0", [5, 5, 5])])
    func `a 404 is believed for negative_ttl, over remounts`(negativeTTL: String, expected: [Int]) async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount(["ttl=1h"])
            var counts: [Int] = []
            for _ in 1...3 {
                let requests = try await store.requests { () async throws in
                    try await store.mount(["ttl=1h", "negative_ttl=\(negativeTTL)"]) { mount async throws in
                        try await Self.lookUpAll(mount)
                    }
                }
                counts.append(requests.count)
            }
            #expect(counts == expected)
        }
    }

    @Test func `a 404 that one mount got no other asks for`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let options = ["ttl=1h", "negative_ttl=1h"]
            try await store.mount(at: "first", options) { first async throws in
                try await store.mount(at: "second", options) { second async throws in
                    try await Self.lookUpAll(first)
                    let requests = try await store.requests { () async throws in
                        try await Self.lookUpAll(second)
                    }
                    #expect(requests.summary == [])
                    // At the same time it is one request as well.
                    store.emulator.latency = .milliseconds(300)
                    let together = try await store.requests { () async throws in
                        async let one = first.lookupError("@acme/support/v8")
                        async let other = second.lookupError("@acme/support/v8")
                        #expect(try await [one, other] == [.ENOENT, .ENOENT])
                    }
                    #expect(together.summary == ["getPrompt @acme/support:v8"])
                }
            }
        }
    }

    @Test func `what was not there is seen when it comes, over remounts`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let options = ["ttl=0", "negative_ttl=0"]
            try await store.mount(options) { mount async throws in try await Self.lookUpAll(mount) }
            store.emulator.update { workspace in
                workspace["acme", "support"]?.draft = .init("draft")
                workspace["other", "missing"] = .init("missing", versions: [.init("new")])
            }
            for _ in 1...2 {
                try await store.mount(options) { mount async throws in
                    #expect(try await mount.text("@acme/support/v0/content.md") == "draft")
                    #expect(try await mount.text("@other/missing/v1/content.md") == "new")
                }
            }
        }
    }

    @Test func `a version that was a 404 stays out of its directory over remounts, until it is asked for again`()
        async throws
    {
        try await StoreFixture.with(Self.archive, configuration: Self.hidingArchived) { store async throws in
            let options = ["ttl=1h", "negative_ttl=0"]
            try await store.mount(options) { mount async throws in
                #expect(try await mount.lookupError("@acme/support/v2/content.md") == .ENOENT)
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(options) { mount async throws in
                    #expect(try await mount.names("@acme/support") == ["latest", "v1", "v3"])
                }
            }
            #expect(requests.summary == [])
            store.emulator.update { $0["acme", "support"]?.versions[1].isArchived = false }
            try await store.mount(options) { mount async throws in
                #expect(try await mount.names("@acme/support") == ["latest", "v1", "v3"])
                #expect(try await mount.text("@acme/support/v2/content.md") == "two")
            }
            try await store.mount(options) { mount async throws in
                #expect(try await mount.names("@acme/support") == ["latest", "v1", "v2", "v3"])
            }
        }
    }

    @Test func `a draft that was seen is listed over remounts, until it is a 404`() async throws {
        let library: Workspace = [
            "acme": [.init("support", versions: [.init("one")], draft: .init("draft"))]
        ]
        try await StoreFixture.with(library) { store async throws in
            let options = ["ttl=1h", "draft_ttl=0", "negative_ttl=0"]
            try await store.mount(options) { mount async throws in
                #expect(try await mount.names("@acme/support") == ["latest", "v1"])
                #expect(try await mount.text("@acme/support/v0/content.md") == "draft")
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(options) { mount async throws in
                    #expect(try await mount.names("@acme/support") == ["latest", "v0", "v1"])
                }
            }
            #expect(requests.summary == [])
            store.emulator.update { $0["acme", "support"]?.draft = nil }
            for _ in 1...2 {
                try await store.mount(options) { mount async throws in
                    #expect(try await mount.lookupError("@acme/support/v0/content.md") == .ENOENT)
                    #expect(try await mount.names("@acme/support") == ["latest", "v1"])
                }
            }
        }
    }

    @Test func `nothing is spent on versions that were a 404 by programs that walk past them`() async throws {
        let prompts = (1...12).map { number in
            var archived = Workspace.Version("archived")
            archived.isArchived = true
            return Workspace.Prompt("prompt-\(number)", versions: [.init("one"), archived, .init("three")])
        }
        try await StoreFixture.with(["acme": prompts], configuration: Self.hidingArchived) { store async throws in
            var texts = ""
            // The first one may be told by its directory of what is found missing ahead of it.
            for (negativeTTL, expected) in [("1h", 36), ("0", 0), ("0", 0)] {
                let requests = try await store.requests { () async throws in
                    try await store.mount(["ttl=1h", "negative_ttl=\(negativeTTL)"]) { mount async throws in
                        let output = try await mount.bash("grep -rs . @acme | grep -v metadata | sort")
                        #expect(texts.isEmpty || output.text == texts)
                        texts = output.text
                    }
                }
                #expect(requests.count { $0.operation == .getPrompt } == expected)
            }
        }
    }

    @Test func `after SIGHUP what was a 404 is listed and asked for again`() async throws {
        try await StoreFixture.with(Self.archive, configuration: Self.hidingArchived) { store async throws in
            let options = ["ttl=1h", "negative_ttl=1h"]
            try await store.mount(options) { mount async throws in
                #expect(try await mount.lookupError("@acme/support/v2/content.md") == .ENOENT)
                try await mount.waitUntil("v2 is listed still") { () async throws in
                    try await mount.names("@acme/support") == ["latest", "v1", "v3"]
                }
                store.emulator.update { $0["acme", "support"]?.versions[1].isArchived = false }
                mount.daemon.signal(SIGHUP)
                try await mount.waitUntil("v2 is not listed") { () async throws in
                    try await mount.names("@acme/support") == ["latest", "v1", "v2", "v3"]
                }
            }
            try await store.mount(options) { mount async throws in
                #expect(try await mount.text("@acme/support/v2/content.md") == "two")
            }
        }
    }

    @Test func `a version that was not there is there as soon as latest leads to it`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1s", "negative_ttl=1h"]) { mount async throws in
            #expect(try await mount.lookupError("@acme/support/v3") == .ENOENT)
            mount.emulator.update { $0["acme", "support"]?.publish(.init("three")) }
            try await mount.waitUntil("latest is the old one still") { () async throws in
                try await mount.target(of: "@acme/support/latest") == "v3"
            }
            #expect(try await mount.text("@acme/support/latest/content.md") == "three")
        }
    }

    @Test func `a version that was not there for one mount is there for another that knows of it`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount(at: "first", ["ttl=1h", "negative_ttl=1h"]) { first async throws in
                try await store.mount(at: "second", ["ttl=1s", "negative_ttl=1h"]) { second async throws in
                    #expect(try await first.lookupError("@acme/support/v3") == .ENOENT)
                    store.emulator.update { $0["acme", "support"]?.publish(.init("three")) }
                    try await second.waitUntil("latest is the old one still") { () async throws in
                        try await second.target(of: "@acme/support/latest") == "v3"
                    }
                    #expect(try await second.text("@acme/support/latest/content.md") == "three")
                }
            }
        }
    }

    @Test func `a 404 that comes after a listing which names the version is none`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1s", "negative_ttl=1h"]) { mount async throws in
            // The answer to the one that is on its way, when the listing has been asked for again.
            mount.emulator.inject(.status(404), on: .getPrompt, times: 1)
            mount.emulator.latency = .seconds(8)
            async let missing = mount.lookupError("@acme/support/v3")
            await mount.emulator.requests.wait(for: 1, of: .getPrompt)
            mount.emulator.latency = .zero
            mount.emulator.update { $0["acme", "support"]?.publish(.init("three")) }
            try await mount.waitUntil("latest is the old one still") { () async throws in
                try await mount.target(of: "@acme/support/latest") == "v3"
            }
            #expect(try await missing == nil)
            #expect(try await mount.text("@acme/support/latest/content.md") == "three")
        }
    }
}
