import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// For how long what was learnt is used. Where something must have become stale, these wait for it; where nothing must
/// be asked, they count requests.
struct FreshnessTests {
    private static let library: Workspace = [
        "acme": [
            .init("support", versions: [.init("one"), .init("two")], draft: .init("draft")),
            .init("billing", versions: [.init("bill")]),
        ]
    ]

    /// Much longer than the times of 200 ms that go with it.
    private static func waitBeyondTTL() async throws { try await Task.sleep(for: .seconds(1)) }

    /// The same, when also the daemon's timer has come.
    private static func waitBeyondListing() async throws { try await Task.sleep(for: .seconds(2)) }

    // MARK: What is published

    @Test func `what is published is asked for once, whatever the times are`() async throws {
        let options = ["ttl=0", "draft_ttl=0", "negative_ttl=0"]
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            _ = try await mount.read("@acme/support/v1/content.md")
            let requests = try await mount.requestCount { () async throws in
                for name in ["content.md", "metadata.json"] { _ = try await mount.read("@acme/support/v1/\(name)") }
                _ = try await mount.names("@acme/support/v1")
                #expect(try await mount.lookupError("@acme/support/v1/system.md") == .ENOENT)
            }
            #expect(requests == 0)
        }
    }

    @Test func `walking to a published version renews nothing, though every time is over`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=200ms"]) { mount async throws in
            _ = try await mount.read("@acme/support/v1/content.md")
            try await Self.waitBeyondListing()
            let requests = try await mount.requestCount { () async throws in
                for _ in 1...2 {
                    _ = try await mount.read("@acme/support/v1/content.md")
                    _ = try await mount.status("@acme/support/v2")
                    _ = try await mount.output(of: "ls -l @acme/support/v1 | cat")
                    try await mount.output(of: "echo 2 > /proc/sys/vm/drop_caches")
                }
            }
            #expect(requests == 0)
        }
    }

    // MARK: The listing

    @Test(arguments: ["", "@acme"])
    func `a listing is renewed once when its time is over, by whoever lists`(directory: String) async throws {
        try await MountFixture.with(Self.library, options: ["ttl=200ms"]) { mount async throws in
            _ = try await mount.names(directory)
            try await Self.waitBeyondListing()
            let requests = try await mount.requestCount { () async throws in _ = try await mount.names(directory) }
            #expect(requests == 1)
        }
    }

    @Test func `within its time a listing is not asked for again`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1h"]) { mount async throws in
            for _ in 1...2 {
                try await mount.output(of: "ls -lR > /dev/null; cat @acme/*/latest/content.md")
                try await mount.output(of: "echo 2 > /proc/sys/vm/drop_caches")
            }
            #expect(mount.emulator.requests.count(of: .listPrompts) == 1)
        }
    }

    @Test func `what is new is seen at the first look after ttl`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=200ms"]) { mount async throws in
            for directory in ["", "@acme", "@acme/support"] { _ = try await mount.names(directory) }
            mount.emulator.update { workspace in
                workspace["acme", "support"]?.publish(.init("three"))
                workspace["acme", "onboarding"] = .init("onboarding", versions: [.init("hello")])
                workspace["alice", "notes"] = .init("notes", versions: [.init("note")])
            }
            try await Self.waitBeyondListing()
            #expect(try await mount.names("") == ["@acme", "@alice"])
            #expect(try await mount.names("@acme") == ["billing", "onboarding", "support"])
            #expect(try await mount.names("@acme/support") == ["latest", "v1", "v2", "v3"])
            #expect(try await mount.text("@acme/onboarding/v1/content.md") == "hello")
        }
    }

    @Test(arguments: [
        "@acme/onboarding/v1/content.md", "@acme/support/v3/content.md", "@acme/support/latest/content.md",
    ])
    func `what is new is found by name after ttl, though nobody listed`(name: String) async throws {
        let options = ["ttl=200ms", "negative_ttl=200ms"]
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            let before = try await mount.readError(name) == nil ? try await mount.text(name) : nil
            #expect(before == (name.contains("latest") ? "two" : nil))
            mount.emulator.update { workspace in
                workspace["acme", "support"]?.publish(.init("new"))
                workspace["acme", "onboarding"] = .init("onboarding", versions: [.init("new")])
            }
            try await Self.waitBeyondListing()
            #expect(try await mount.text(name) == "new")
        }
    }

    @Test func `a prompt that was removed is gone after ttl`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=200ms"]) { mount async throws in
            _ = try await mount.read("@acme/billing/v1/content.md")
            mount.emulator.update { $0["acme", "billing"] = nil }
            try await Self.waitBeyondListing()
            #expect(try await mount.names("@acme") == ["support"])
            try await mount.waitUntil("the name is there still") { () async throws in
                try await mount.lookupError("@acme/billing") == .ENOENT
            }
        }
    }

    @Test func `latest points to the new version at the first look after ttl, and not before`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1h"]) { mount async throws in
            #expect(try await mount.target(of: "@acme/support/latest") == "v2")
            mount.emulator.update { $0["acme", "support"]?.publish(.init("three")) }
            let requests = try await mount.requestCount { () async throws in
                #expect(try await mount.target(of: "@acme/support/latest") == "v2")
            }
            #expect(requests == 0)
        }
        try await MountFixture.with(Self.library, options: ["ttl=200ms"]) { mount async throws in
            #expect(try await mount.target(of: "@acme/support/latest") == "v2")
            mount.emulator.update { $0["acme", "support"]?.publish(.init("three")) }
            try await Self.waitBeyondListing()
            #expect(try await mount.target(of: "@acme/support/latest") == "v3")
            #expect(try await mount.text("@acme/support/latest/content.md") == "three")
        }
    }

    @Test(arguments: [(promptCount: 100, seconds: 5), (1_600, 5), (1_601, 61)])
    func `ttl is stretched so that listings take a tenth of the budget, and the status shows it`(
        promptCount: Int,
        seconds: Int
    ) async throws {
        let library = Workspace.generated(prompts: promptCount, versions: 1, textByteCount: 10)
        try await MountFixture.with(library, options: ["ttl=5"]) { mount async throws in
            #expect(try await mount.output(of: "jq .listing.ttlSeconds .claro/status.json") == "\(seconds)\n")
        }
    }

    @Test func `a listing is all its pages or the one before, never a part`() async throws {
        let prompts = (1...150).map { Workspace.Prompt("prompt-\($0)", versions: [.init("x")]) }
        try await MountFixture.with(["acme": prompts], options: ["ttl=1h"]) { mount async throws in
            #expect(mount.emulator.requests.count(of: .listPrompts) == 2)
            let secondPage = RequestMatcher { $0.operation == .listPrompts && $0.target.contains("cursor=") }
            mount.emulator.inject(.status(500), on: secondPage)
            mount.emulator.update { workspace in
                for number in 1...40 { workspace["acme", "prompt-\(number)"] = nil }
            }
            mount.daemon.signal(SIGHUP)
            try await mount.waitUntil("the listing is not renewed") { () async throws in
                _ = try await mount.names("@acme")
                return try await mount.output(of: "jq -r '.stale[].what' .claro/status.json") == "the listing\n"
            }
            #expect(try await mount.names("@acme").count == 150)
            #expect(try await mount.lookupError("@acme/prompt-150/v1") == nil)
        }
    }

    @Test func `a page that fails at the start is a mount that fails`() async throws {
        let prompts = (1...150).map { Workspace.Prompt("prompt-\($0)", versions: [.init("x")]) }
        let emulator = try await Emulator.start(["acme": prompts])
        emulator.inject(.status(500), on: RequestMatcher { $0.target.contains("cursor=") })
        await #expect(throws: MountFixture.MountError.self) {
            try await MountFixture.with(serving: emulator) { _ async throws in }
        }
        await emulator.stop()
    }

    // MARK: Drafts

    @Test func `a draft is renewed when its time is over, also for who stays in its directory`() async throws {
        try await MountFixture.with(Self.library, options: ["draft_ttl=200ms"]) { mount async throws in
            let line = """
                cd @acme/support/v0; cat content.md; echo; read < \(mount.scratch.path)/changed; cat content.md; echo
                """
            try await mount.output(of: "mkfifo \(mount.scratch.path)/changed")
            async let output = mount.output(of: line)
            await mount.emulator.requests.wait(for: 1, of: .getPrompt)
            mount.emulator.update { $0["acme", "support"]?.draft = .init("another") }
            try await Self.waitBeyondTTL()
            try await mount.output(of: "echo > \(mount.scratch.path)/changed")
            let texts = try await output
            #expect(texts == "draft\nanother\n" || texts == "another\nanother\n")
        }
    }

    @Test func `within its time a draft is not asked for again`() async throws {
        try await MountFixture.with(Self.library, options: ["draft_ttl=1h"]) { mount async throws in
            for _ in 1...2 {
                try await mount.output(of: "cat @acme/support/v0/*; ls -l @acme/support/v0/ | cat")
                try await mount.output(of: "echo 2 > /proc/sys/vm/drop_caches")
            }
            #expect(mount.emulator.requests.count(of: .getPrompt) == 1)
        }
    }

    @Test func `a file that a draft gains or loses is seen when its time is over`() async throws {
        try await MountFixture.with(Self.library, options: ["draft_ttl=200ms"]) { mount async throws in
            let draft = "@acme/support/v0"
            #expect(try await mount.names(draft) == ["content.md", "metadata.json"])
            #expect(try await mount.lookupError("\(draft)/system.md") == .ENOENT)
            mount.emulator.update { $0["acme", "support"]?.draft = .init("draft", system: "system") }
            try await Self.waitBeyondTTL()
            #expect(try await mount.text("\(draft)/system.md") == "system")
            #expect(try await mount.names(draft) == ["content.md", "metadata.json", "system.md"])
            mount.emulator.update { $0["acme", "support"]?.draft = .init("draft") }
            try await Self.waitBeyondTTL()
            #expect(try await mount.names(draft) == ["content.md", "metadata.json"])
            #expect(try await mount.lookupError("\(draft)/system.md") == .ENOENT)
        }
    }

    // MARK: What is not there

    @Test func `that something is not there is believed for negative_ttl, and asked again after it`() async throws {
        for (option, expected) in [("negative_ttl=1h", 1), ("negative_ttl=200ms", 2)] {
            try await MountFixture.with(Self.library, options: ["ttl=1h", option]) { mount async throws in
                let requests = try await mount.requestCount { () async throws in
                    #expect(try await mount.lookupError("@acme/support/v9") == .ENOENT)
                    try await Self.waitBeyondTTL()
                    #expect(try await mount.lookupError("@acme/support/v9") == .ENOENT)
                }
                #expect(requests == expected)
            }
        }
    }

    @Test func `what a fresh listing does not have is ENOENT without a request`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1h", "negative_ttl=0"]) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                for _ in 1...3 { #expect(try await mount.lookupError("@acme/missing/v1/content.md") == .ENOENT) }
            }
            #expect(requests == 0)
        }
    }

    // MARK: Metadata

    @Test func `with metadata_ttl metadata and attachments are renewed, and the texts stay`() async throws {
        try await MountFixture.with(Self.library, options: ["metadata_ttl=200ms"]) { mount async throws in
            let version = "@acme/support/v1"
            #expect(try await mount.names(version) == ["content.md", "metadata.json"])
            let text = try await mount.status("\(version)/content.md").st_ino
            #expect(try await mount.text("\(version)/metadata.json").contains("\"title\": \"support\""))
            mount.emulator.update { workspace in
                workspace["acme", "support"]?.title = "Renamed"
                workspace["acme", "support"]?.versions[0].content = "must not be seen"
                workspace["acme", "support"]?.versions[0].context = [.file("faq.txt", .text("faq"), id: "ctx_1")]
            }
            try await Self.waitBeyondTTL()
            #expect(try await mount.text("\(version)/metadata.json").contains("\"title\": \"Renamed\""))
            #expect(try await mount.text("\(version)/context/faq.txt") == "faq")
            #expect(try await mount.names(version) == ["content.md", "context", "metadata.json"])
            #expect(try await mount.text("\(version)/content.md") == "one")
            #expect(try await mount.status("\(version)/content.md").st_ino == text)
        }
    }

    @Test func `without metadata_ttl metadata stays as it was`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=0"]) { mount async throws in
            let before = try await mount.text("@acme/support/v1/metadata.json")
            mount.emulator.update { $0["acme", "support"]?.title = "Renamed" }
            try await mount.output(of: "echo 2 > /proc/sys/vm/drop_caches")
            #expect(try await mount.text("@acme/support/v1/metadata.json") == before)
            #expect(mount.emulator.requests.count(of: .getPrompt) == 1)
        }
    }

    @Test func `generatedAt makes no change`() async throws {
        let options = ["metadata_ttl=100ms", "draft_ttl=100ms"]
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            for name in ["@acme/support/v1/metadata.json", "@acme/support/v0/metadata.json"] {
                let (text, status) = (try await mount.text(name), try await mount.status(name))
                let asked = mount.emulator.requests.total
                try await mount.waitUntil("\(name) is not renewed") { () async throws in
                    _ = try await mount.status(name)
                    return mount.emulator.requests.total > asked
                }
                #expect(try await mount.text(name) == text)
                let again = try await mount.status(name)
                #expect(again.st_ino == status.st_ino)
                #expect(again.st_mtim.tv_sec == status.st_mtim.tv_sec)
            }
        }
    }

    // MARK: On demand

    @Test func `who has a file open reads on in what it was, also when the store has another`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let file = "@acme/support/v1/metadata.json"
            let before = try await mount.text(file)
            mount.emulator.update { $0["acme", "support"]?.versions[0].overrides["category"] = "changed" }
            let path = "\(mount.path)/\(file)"
            let descriptor = try await offPool { try check(open(path, O_RDONLY)) }
            mount.daemon.signal(SIGHUP)
            try await mount.waitUntil("it is as it was") { () async throws in
                try await mount.text(file).contains("changed")
            }
            let after = try await offPool {
                defer { close(descriptor) }
                // The kernel has to ask again.
                posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                let count = try check(Glibc.read(descriptor, &buffer, buffer.count))
                return String(decoding: buffer[..<count], as: UTF8.self)
            }
            #expect(after == before)
        }
    }

    @Test func `SIGHUP has everything that is not a published text asked for again`() async throws {
        let options = ["ttl=1h", "draft_ttl=1h", "negative_ttl=1h"]
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            let names = [
                "@acme/support/v1/content.md", "@acme/support/v1/metadata.json", "@acme/support/latest/content.md",
                "@acme/support/v0/content.md",
            ]
            for name in names { _ = try await mount.read(name) }
            for directory in ["", "@acme", "@acme/support"] { _ = try await mount.names(directory) }
            mount.emulator.update { workspace in
                workspace["acme", "support"]?.title = "Renamed"
                workspace["acme", "support"]?.versions[0].content = "must not be seen"
                workspace["acme", "support"]?.publish(.init("three"))
                workspace["acme", "support"]?.draft = .init("another")
                workspace["acme", "billing"] = nil
            }
            mount.daemon.signal(SIGHUP)
            try await mount.waitUntil("the listing is the old one still") { () async throws in
                try await mount.names("@acme") == ["support"]
            }
            try await mount.waitUntil("latest is the old one still") { () async throws in
                try await mount.text(names[2]) == "three"
            }
            try await mount.waitUntil("the draft is the old one still") { () async throws in
                try await mount.text(names[3]) == "another"
            }
            try await mount.waitUntil("the metadata is the old one still") { () async throws in
                try await mount.text(names[1]).contains("Renamed")
            }
            #expect(try await mount.text(names[0]) == "one")
            #expect(try await mount.names("@acme/support") == ["latest", "v0", "v1", "v2", "v3"])
        }
    }

    @Test func `an idle mount sends nothing`() async throws {
        let options = ["ttl=50ms", "draft_ttl=50ms", "negative_ttl=50ms", "metadata_ttl=50ms"]
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            try await mount.output(of: "ls -lR >/dev/null; cat @acme/support/{v0,v1,latest}/content.md; ls -R | cat")
            let requests = try await mount.requestCount { () async throws in try await Self.waitBeyondTTL() }
            #expect(requests == 0)
        }
    }

    @Test func `an idle mount wakes no processor`() async throws {
        try await MountFixture.with(.generated(prompts: 40, versions: 3, textByteCount: 500)) { mount async throws in
            // Many at a time, so that every thread that there may be is there.
            try await mount.output(of: "for i in {1..8}; do cat @*/*/v?/* >/dev/null & done; wait; ls -lR >/dev/null")
            let switches =
                "cat /proc/\(mount.daemon.processIdentifier)/task/*/status | awk '/ctxt/ { n += $2 } END { print n }'"
            try await mount.waitUntil("some thread wakes up in every three seconds") { () async throws in
                try await mount.output(of: "before=$(\(switches)); sleep 3; echo $(($(\(switches)) - before))") == "0\n"
            }
        }
    }
}
