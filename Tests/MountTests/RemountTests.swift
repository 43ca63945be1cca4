import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What a mount finds of what one before it has read.
struct RemountTests {
    private static let library: Workspace = [
        "acme": [
            .init(
                "support",
                versions: [
                    .init("one"),
                    .init(
                        "two",
                        system: "system",
                        critique: "critique",
                        context: [
                            .file("small.txt", .text("small"), id: "ctx_small"),
                            .file("large.bin", .synthetic(seed: 7, byteCount: 17 << 20), id: "ctx_large"),
                            .url("https://example.com/kb", label: "Knowledge Base"),
                        ]
                    ),
                ],
                draft: .init("draft")
            ),
            .init("billing", versions: [.init("bill", createdAt: Workspace.epoch + 86_400_123)]),
        ],
        "alice": [
            .init("ideas", draft: .init("nothing is published")),
            .init(
                "notes",
                versions: [.init("note", context: [.file("unread.txt", .text("unread"), id: "ctx_unread")])]
            ),
        ],
    ]

    /// Times that do not end while a test runs.
    private static let long = ["ttl=1h", "draft_ttl=1h", "negative_ttl=1h"]

    /// A listing of one page is kept for at least 3.6 s.
    private static func waitBeyondListing() async throws { try await Task.sleep(for: .seconds(5)) }

    /// Everything that `stat` tells but atime and ctime.
    private static let everyStatus = "find . -printf '%P %y %i %n %m %u %g %s %T@ %l\n' | sort"

    // MARK: Requests

    @Test(arguments: [
        ("ls; ls @acme", 1),
        ("ls @acme/support; ls -l @acme/support; stat -c '%i %s %Y' @acme/support/v1", 1),
        ("cat @acme/support/v2/content.md", 2),
        ("cat @acme/support/v2/*.*; ls -l @acme/support/v2 @acme/support/v2/context", 2),
        ("cat @acme/support/latest/content.md", 2),
        ("cat @acme/support/v0/content.md; ls @acme/support", 2),
        ("cat @alice/ideas/v0/content.md; ls @alice/ideas", 3),
        ("cat @acme/support/v2/context/small.txt", 4),
        ("cat @acme/support/v2/context/large.bin", 6),
        ("grep -ra . @acme", 10),
        ("ls -d .git .hidden @acme/.git @acme/support/node_modules @acme/support/v2/.swp; ls", 1),
    ])
    func `what a command has fetched costs nothing after a remount`(command: String, cold: Int) async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            var outputs: [String] = []
            var counts: [Int] = []
            for _ in 1...3 {
                let requests = try await store.requests { () async throws in
                    try await store.mount(Self.long) { mount async throws in
                        outputs.append(try await mount.bash("{ \(command); } | sha256sum").text)
                    }
                }
                counts.append(requests.count)
            }
            #expect(counts == [cold, 0, 0])
            #expect(Set(outputs).count == 1)
        }
    }

    @Test func `when the listing's time is over, reading everything published again costs the listing`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let command = "cat @acme/*/v[1-9]/*.md @acme/*/v[1-9]/context/* | sha256sum; ls -l @acme @acme/* | cat"
            var text = ""
            try await store.mount { mount async throws in text = try await mount.output(of: command) }
            try await Self.waitBeyondListing()
            let requests = try await store.requests { () async throws in
                try await store.mount(["ttl=4s"]) { mount async throws in
                    #expect(try await mount.output(of: command) == text)
                }
            }
            #expect(requests.map(\.operation) == [.listPrompts])
        }
    }

    @Test func `mounting with a cached listing makes no request, however old it is`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount()
            try await Self.waitBeyondListing()
            let requests = try await store.requests { () async throws in try await store.mount(["ttl=0"]) }
            #expect(requests.summary == [])
        }
    }

    @Test func `without a cache directory everything is fetched again`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            for _ in 1...2 {
                let requests = try await store.requests { () async throws in
                    try await store.mount(["cache=none"]) { mount async throws in
                        #expect(try await mount.text("@acme/support/v2/context/small.txt") == "small")
                    }
                }
                #expect(requests.count == 4)
            }
            #expect(!FileManager.default.fileExists(atPath: store.cache))
        }
    }

    @Test func `of a large file what was read is kept, and only the rest is fetched`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let file = "@acme/support/v2/context/large.bin"
            try await store.mount(Self.long) { mount async throws in
                try await mount.output(of: "tail -c 1000 \(file) | wc -c")
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(Self.long) { mount async throws in
                    let bytes = try await mount.read(file)
                    #expect(
                        bytes == (try Workspace.Attachment.synthetic(seed: 7, byteCount: 17 << 20).read(0..<17 << 20))
                    )
                }
            }
            #expect(requests.compactMap(\.range) == ["bytes=0-8388607", "bytes=8388608-16777215"])
        }
    }

    @Test func `a download that an unmount cuts is continued where it was`() async throws {
        let attachment = Workspace.Attachment.synthetic(seed: 8, byteCount: 6 << 20)
        let library: Workspace = [
            "acme": [.init("a", versions: [.init("one", context: [.file("data.bin", attachment)])])]
        ]
        try await StoreFixture.with(library) { store async throws in
            let file = "@acme/a/v1/context/data.bin"
            store.emulator.inject(.slowDrip(bytesPerSecond: 2 << 20), on: .storage, times: 1)
            try await store.mount(Self.long) { mount async throws in
                #expect(try await mount.output(of: "head -c 3M \(file) | wc -c") == "3145728\n")
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(Self.long) { mount async throws in
                    #expect(try await mount.read(file) == (try attachment.read(0..<6 << 20)))
                }
            }
            let start = try #require(requests.compactMap(\.range).first?.dropFirst(6).split(separator: "-").first)
            #expect(try #require(Int(start)) >= 3 << 20)
            #expect(requests.map(\.operation) == [.downloadURL, .storage])
        }
    }

    // MARK: Identity

    @Test func `inode numbers, times and sizes stay the same over remounts`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            var statuses: [String] = []
            for _ in 1...3 {
                try await store.mount(Self.long) { mount async throws in
                    try await mount.output(of: "cat @acme/support/v0/content.md")
                    statuses.append(try await mount.output(of: Self.everyStatus))
                }
            }
            #expect(statuses[0].split(separator: "\n").count == 36)
            #expect(statuses[1] == statuses[0])
            #expect(statuses[2] == statuses[0])
        }
    }

    @Test func `a thing has the same number whichever mount sees it first`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let names = ["@acme/billing/v1/content.md", "@alice/notes/v1/metadata.json", "@acme/support/v1/content.md"]
            var numbers: [String: ino_t] = [:]
            for name in names {
                try await store.mount(Self.long) { mount async throws in
                    numbers[name] = try await mount.status(name).st_ino
                }
            }
            #expect(Set(numbers.values).count == names.count)
            try await store.mount(Self.long) { mount async throws in
                for name in names.reversed() { #expect(try await mount.status(name).st_ino == numbers[name]) }
            }
        }
    }

    @Test func `a draft that changed between two mounts is another file, with its own time`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let name = "@acme/support/v0/content.md"
            var before = stat()
            try await store.mount(["draft_ttl=0"]) { mount async throws in
                #expect(try await mount.text(name) == "draft")
                before = try await mount.status(name)
            }
            store.emulator.update { $0["acme", "support"]?.draft = .init("another") }
            var after = stat()
            try await store.mount(["draft_ttl=0"]) { mount async throws in
                #expect(try await mount.text(name) == "another")
                after = try await mount.status(name)
                #expect(after.st_ino != before.st_ino)
                #expect(after.st_mtim.tv_sec > before.st_mtim.tv_sec)
                #expect(try await mount.names("@acme/support") == ["latest", "v0", "v1", "v2"])
            }
            try await store.mount(["draft_ttl=0"]) { mount async throws in
                let again = try await mount.status(name)
                #expect(again.st_ino == after.st_ino)
                #expect(again.st_mtim.tv_sec == after.st_mtim.tv_sec)
                #expect(again.st_mtim.tv_nsec == after.st_mtim.tv_nsec)
            }
        }
    }

    @Test(arguments: Emulator.Configuration.ListingVersion.allCases)
    func `latest is known within its time after a remount, and asked for after it`(
        listingVersion: Emulator.Configuration.ListingVersion
    ) async throws {
        let configuration = Emulator.Configuration { $0.listingVersion = listingVersion }
        try await StoreFixture.with(Self.library, configuration: configuration) { store async throws in
            let name = "@acme/support/latest/content.md"
            try await store.mount(["ttl=1h"]) { mount async throws in #expect(try await mount.text(name) == "two") }
            store.emulator.update { $0["acme", "support"]?.publish(.init("three")) }
            let requests = try await store.requests { () async throws in
                try await store.mount(["ttl=1h"]) { mount async throws in #expect(try await mount.text(name) == "two") }
            }
            #expect(requests.summary == [])
            try await Self.waitBeyondListing()
            try await store.mount(["ttl=1s"]) { mount async throws in
                #expect(try await mount.text(name) == "three")
                #expect(try await mount.names("@acme/support") == ["latest", "v1", "v2", "v3"])
            }
        }
    }

    @Test func `what is stored is as old as it is, not to the second`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            for number in 1...4 {
                store.emulator.update { $0["acme", "support"]?.draft = .init("draft \(number)") }
                try await store.mount(["draft_ttl=300ms"]) { mount async throws in
                    #expect(try await mount.text("@acme/support/v0/content.md") == "draft \(number)")
                }
                try await Task.sleep(for: .milliseconds(320))
            }
        }
    }

    // MARK: Without a network

    /// What the store must answer for after the API is gone.
    private static let reading = "ls -lR @acme; grep -r . @acme | sha256sum; tar c @acme | sha256sum"

    @Test func `without a network what was read is served as it was, and what was not fails`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            var output = ""
            try await store.mount { mount async throws in output = try await mount.output(of: Self.reading) }
            try await Self.waitBeyondListing()
            await store.emulator.stop()
            try await store.mount(["ttl=1s", "draft_ttl=1s"]) { mount async throws in
                for _ in 1...2 { #expect(try await mount.output(of: Self.reading) == output) }
                #expect(try await mount.names("@alice") == ["ideas", "notes"])
                let start = ContinuousClock.now
                #expect(try await mount.readError("@alice/notes/v1/content.md") == .EHOSTUNREACH)
                #expect(try await mount.lookupError("@acme/support/v3") == .EHOSTUNREACH)
                #expect(try await mount.lookupError("@elsewhere/prompt") == .EHOSTUNREACH)
                #expect(try await mount.lookupError("@acme/missing") == .EHOSTUNREACH)
                #expect(.now - start < .seconds(20))
            }
            try await store.emulator.restart()
        }
    }

    @Test(arguments: ["ls -lR", "grep -r .", "tar c .", "find . -ls", "cat @acme/*/latest/*.md @*/*/v0/*.md"])
    func `without a network a command over what was read tries to connect once at most`(command: String) async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let sum = "{ \(command); } | sha256sum"
            var output = ""
            try await store.mount { mount async throws in
                try await mount.output(of: "grep -r . > /dev/null; cat @alice/ideas/v0/content.md")
                output = try await mount.output(of: sum)
            }
            try await Self.waitBeyondListing()
            await store.emulator.stop()
            try await store.mount(["ttl=1s", "draft_ttl=1s", "negative_ttl=0"]) { mount async throws in
                #expect(try await mount.output(of: sum) == output)
                let attempts = try await mount.output(of: "jq '[.api.requests[]] | add // 0' .claro/status.json")
                #expect(try #require(Int(attempts.dropLast())) <= 1)
            }
            try await store.emulator.restart()
        }
    }

    @Test func `an attachment that was not read fails without a network, and its version does not`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount { mount async throws in _ = try await mount.read("@alice/notes/v1/content.md") }
            await store.emulator.stop()
            try await store.mount { mount async throws in
                #expect(try await mount.text("@alice/notes/v1/content.md") == "note")
                #expect(try await mount.status("@alice/notes/v1/context/unread.txt").st_size == 6)
                #expect(try await mount.readError("@alice/notes/v1/context/unread.txt") == .EHOSTUNREACH)
            }
        }
    }

    @Test func `a mount heals when the network is back, and shows what was stale until then`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount { mount async throws in try await mount.output(of: Self.reading) }
            try await Self.waitBeyondListing()
            await store.emulator.stop()
            let stale = "jq -r '.stale[].what' .claro/status.json"
            try await store.mount(["ttl=1s", "draft_ttl=1s"]) { mount async throws in
                #expect(try await mount.output(of: stale) == "")
                try await mount.output(of: "ls @acme; cat @acme/support/v1/content.md")
                #expect(try await mount.output(of: stale) == "the listing\n")
                #expect(try await mount.readError("@alice/notes/v1/content.md") == .EHOSTUNREACH)
                store.emulator.update { $0["acme", "new"] = .init("new", versions: [.init("new")]) }
                try await store.emulator.restart()
                try await mount.waitUntil("the mount has not healed") { () async throws in
                    try await mount.readError("@alice/notes/v1/content.md") == nil
                }
                try await mount.waitUntil("the listing is the old one still") { () async throws in
                    try await mount.names("@acme") == ["billing", "new", "support"]
                }
                #expect(try await mount.output(of: stale) == "")
            }
        }
    }

    @Test func `what was stale and is removed is not marked any more`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount(["ttl=1s", "draft_ttl=50ms"]) { mount async throws in
                _ = try await mount.read("@acme/support/v0/content.md")
                store.emulator.inject(.status(500), on: .getPrompt)
                try await mount.waitUntil("the draft is not stale") { () async throws in
                    _ = try await mount.read("@acme/support/v0/content.md")
                    return try await mount.stale().keys.contains("@acme/support:v0")
                }
                store.emulator.update { $0["acme", "support"] = nil }
                try await mount.waitUntil("the prompt is listed still") { () async throws in
                    try await mount.names("@acme") == ["billing"]
                }
                #expect(try await mount.stale().isEmpty)
            }
        }
    }

    @Test func `with nothing cached a mount fails without a network, unless it is lazy`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            await store.emulator.stop()
            do {
                try await store.mount()
                Issue.record("it is mounted")
            } catch let error as MountFixture.MountError {
                #expect(error.description.hasPrefix("mount.claro ended with 32: "))
                #expect(error.description.contains("cannot be reached"))
            }
            try await store.mount(["lazy"]) { mount async throws in
                #expect(try await mount.status("").st_mode & S_IFMT == S_IFDIR)
                await #expect(throws: POSIXError(.EHOSTUNREACH)) { _ = try await mount.names("") }
                try await store.emulator.restart()
                try await mount.waitUntil("the mount has not healed") { () async throws in
                    try await mount.readError("@acme/support/v1/content.md") == nil
                }
            }
        }
    }

    // MARK: Size

    /// Adds 100,000 prompts, each with a version, an attachment, and the numbers of all that.
    private static let inflate = """
        python3 -c '
        import glob, sqlite3
        database = sqlite3.connect(glob.glob("cache/*/library.sqlite")[0])
        count = range(100_000, 200_000)
        def insert(table, row):
            marks = ",".join("?" * len(row(0)))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", map(row, count))
        insert("prompt", lambda n: (n, "acme", f"prompt-{n}", 1, 0, n, None))
        insert("version", lambda n: (f"@acme/prompt-{n}:v1", n, n, n, 50, b"", b"", b"x" * 50, None, None, b"{}", None))
        insert("inode", lambda n: (n, 17, f"prompt-{n}".encode(), b""))
        insert("blob", lambda n: (f"{n:064x}", 1000, n, b""))
        insert("chunk", lambda n: (f"{n:064x}", 0, 1000, b""))
        insert("absence", lambda n: (n, f"@acme/prompt-{n}", "v9", 0, n, b""))
        database.commit()'
        """

    @Test func `mounting reads a few pages of the store, however much is in it`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount(Self.long)
            try await store.output(of: Self.inflate)
            let size = try await store.output(of: "cat cache/*/library.sqlite* | wc -c")
            #expect(try #require(Int(size.dropLast())) > 50_000_000)
            let requests = try await store.requests { () async throws in
                try await store.mount(Self.long) { mount async throws in
                    let process = mount.daemon.processIdentifier
                    let read = try await store.output(of: "awk '/rchar/ { print $2 }' /proc/\(process)/io")
                    #expect(try #require(Int(read.dropLast())) < 500_000)
                }
            }
            #expect(requests.summary == [])
        }
    }

    @Test func `an unmount leaves no log for the next mount to read`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mount(Self.long) { mount async throws in
                // At once, so that there are connections that read.
                try await mount.output(of: "for i in {1..8}; do cat @acme/*/v?/*.md >/dev/null & done; wait")
            }
            #expect(try await store.output(of: "cd cache/*/; ls -d library.*") == "library.sqlite\n")
        }
    }

    @Test func `mounting reads nothing of the listing, however long it is`() async throws {
        let library = Workspace.generated(prompts: 8_000, versions: 1, textByteCount: 10)
        try await StoreFixture.with(library) { store async throws in
            // A few hundred pages may take longer than a caller waits.
            try await store.mount(Self.long + ["timeout=10m"])
            try await store.mount(Self.long) { mount async throws in
                let atStart = try mount.memory("Anonymous")
                #expect(try await mount.names("@load-0").count == 8_000)
                let withListing = try mount.memory("Anonymous")
                // 8,000 prompts are at least 1 MB, and nothing of that was there before.
                #expect(withListing - atStart > 1_000_000, "\(atStart) bytes, then \(withListing)")
            }
        }
    }
}
