import ClaroEmulator
import TestSupport
import Testing

/// What commands cost, in requests that reach the API: requests are the currency.
struct RequestCostTests {
    /// Fourteen published versions, one draft that the listing names, and two attachments.
    private static let library: Workspace = [
        "acme": [
            .init(
                "support",
                versions: (1...10).map { number in
                    .init(
                        "text \(number)",
                        system: "system \(number)",
                        context: number == 10 ? [.file("faq.txt", .text("faq"), id: "ctx_1")] : []
                    )
                }
            ),
            .init("billing", versions: [.init("bill"), .init("bill again")]),
            .init("idea", draft: .init("draft")),
        ],
        "alice": [
            .init("notes", versions: [.init("a", context: [.file("a.txt", .text("a"), id: "ctx_2")]), .init("b")])
        ],
    ]

    /// How many requests of each operation reach the emulator while `body` runs.
    private static func cost(
        _ mount: MountFixture,
        of body: () async throws -> Void
    ) async throws -> [Operation: Int] {
        let before = mount.emulator.requests.total
        try await body()
        return mount.emulator.requests.entries.dropFirst(before).reduce(into: [:]) { $0[$1.operation, default: 0] += 1 }
    }

    /// Runs a command in a new mount, twice: what it costs then, and again. The listing, which the mount itself has
    /// fetched, is not among it.
    private static func expect(
        _ command: String,
        in library: Workspace = library,
        configuration: Emulator.Configuration = .init(),
        costs cold: [Operation: Int],
        again: [Operation: Int] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let options = ["ttl=1h", "draft_ttl=1h", "negative_ttl=1h"]
        try await MountFixture.with(library, options: options, configuration: configuration) { mount async throws in
            for expected in [cold, again] {
                let cost = try await cost(mount) { () async throws in
                    try await mount.output(of: command, sourceLocation: sourceLocation)
                }
                #expect(cost == expected, "\(command)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test(arguments: [(promptCount: 0, requests: 1), (1, 1), (100, 1), (101, 2), (250, 3)])
    func `mounting n prompts costs ceil(n/100), and listing them nothing more`(
        promptCount: Int,
        requests: Int
    ) async throws {
        let library = Workspace.generated(prompts: promptCount, versions: 1, namespaces: 2, textByteCount: 10)
        try await MountFixture.with(library) { mount async throws in
            let cost = try await Self.cost(mount) { () async throws in
                #expect(
                    try await mount.output(of: "ls | wc -l") == (promptCount > 0 ? "\(min(promptCount, 2))\n" : "0\n")
                )
                try await mount.output(of: "ls -l . && ls @load-0 && ls -l @load-0 && ls @load-1/ | cat")
            }
            #expect(cost == [:])
            #expect(mount.emulator.requests.total == requests)
        }
    }

    @Test func `cat of a version's text costs one request, and its siblings none`() async throws {
        try await Self.expect("cat @acme/support/v1/content.md", costs: [.getPrompt: 1])
        try await Self.expect(
            """
            cat @acme/support/v10/content.md @acme/support/v10/system.md @acme/support/v10/metadata.json
            ls -lR @acme/support/v10; stat @acme/support/v10/*; getfattr -d @acme/support/v10/content.md; true
            """,
            costs: [.getPrompt: 1]
        )
    }

    @Test func `cat of latest costs one request beside the listing`() async throws {
        try await Self.expect("cat @acme/support/latest/content.md", costs: [.getPrompt: 1])
        try await Self.expect("cat @acme/support:latest/content.md", costs: [.getPrompt: 1])
        try await Self.expect(
            "cat @acme/support/latest/content.md @acme/support/v10/content.md",
            costs: [.getPrompt: 1]
        )
    }

    @Test func `cat of an attachment costs one signed URL and one download`() async throws {
        try await Self.expect(
            "cat @acme/support/v10/context/faq.txt",
            costs: [.getPrompt: 1, .downloadURL: 1, .storage: 1]
        )
    }

    @Test(arguments: [(megabytes: 16, requests: 1), (17, 3), (24, 3), (25, 4)])
    func `above 16 MiB an attachment costs one download per 8 MiB`(megabytes: Int64, requests: Int) async throws {
        let attachment = Workspace.Attachment.synthetic(seed: 1, byteCount: megabytes << 20)
        let library: Workspace = [
            "acme": [.init("support", versions: [.init("x", context: [.file("a.bin", attachment, id: "ctx_1")])])]
        ]
        try await Self.expect(
            "cat @acme/support/v1/context/a.bin > /dev/null",
            in: library,
            costs: [.getPrompt: 1, .downloadURL: 1, .storage: requests]
        )
        try await Self.expect(
            "tail -c 10 @acme/support/v1/context/a.bin > /dev/null",
            in: library,
            costs: [.getPrompt: 1, .downloadURL: 1, .storage: 1]
        )
    }

    @Test func `grep -r over m versions costs m requests, and the attachments'`() async throws {
        try await Self.expect(
            "grep -r text @acme/support @acme/billing | cat",
            costs: [.getPrompt: 12, .downloadURL: 1, .storage: 1]
        )
    }

    @Test func `grep -r over a draft that is listed costs one request more`() async throws {
        try await Self.expect(
            "grep -r text @acme | cat",
            // One asks whether there is a latest.
            costs: [.getPrompt: 14, .downloadURL: 1, .storage: 1]
        )
    }

    @Test func `grep -r over a draft costs one request again, once its time is over`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1h", "draft_ttl=200ms"]) { mount async throws in
            try await mount.output(of: "grep -r text @acme | cat")
            try await Task.sleep(for: .seconds(1))
            let cost = try await Self.cost(mount) { () async throws in
                try await mount.output(of: "grep -r text @acme | cat")
            }
            // More only if the walk itself takes longer than the draft's time.
            #expect(Array(cost.keys) == [.getPrompt])
            #expect(mount.emulator.requests.entries.last?.subject == "@acme/idea:v0")
        }
    }

    @Test(arguments: ["ls @acme/support", "ls -l @acme/support", "stat @acme/support/v3", "ls -d @acme/support/v*"])
    func `looking at a prompt costs nothing after the listing`(command: String) async throws {
        try await Self.expect(command, costs: [:])
    }

    @Test(arguments: ["ls @acme/support", "ls -l @acme/support", "stat @acme/support/v3"])
    func `looking at a prompt costs one request where its item has no number`(command: String) async throws {
        let configuration = Emulator.Configuration { $0.listingVersion = .absent }
        try await Self.expect(command, configuration: configuration, costs: [.getPrompt: 1])
    }

    @Test func `git, editors, shells and file managers that look for their files cost nothing`() async throws {
        let probes = """
            git status; git -C @acme/support/v1 rev-parse; git log
            for directory in . @acme @acme/support @acme/support/v1; do
              for name in .git .gitignore .hg .svn .editorconfig .envrc .DS_Store .directory .hidden .Trash-0 .xdg-volume-info \
                desktop.ini Thumbs.db autorun.inf node_modules .vscode .idea .content.md.swp .content.md.swo 4913 package.json \
                .python-version .nvmrc .tool-versions
              do stat "$directory/$name"; done
            done
            cd @acme/support && git status; ls .git; true
            """
        try await Self.expect(probes, costs: [:])
    }

    @Test func `vim costs what it shows`() async throws {
        try await Self.expect("vim -es -u NONE -c '1p' -c 'qa!' @acme/support/v1/content.md", costs: [.getPrompt: 1])
    }

    @Test func `callers at one time share one request`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.hang, on: .any)
            async let texts = mount.output(
                of: """
                    for i in 1 2 3 4 5 6 7 8; do cat @acme/support/v1/content.md & cat @acme/support/v1/system.md & done; wait
                    """
            )
            async let files = mount.output(
                of: "for i in 1 2 3 4 5 6 7 8; do ls -l @acme/support/v1/ | wc -l & done; wait"
            )
            await mount.emulator.requests.wait(for: 1, of: .getPrompt)
            try await mount.waitUntil("the callers do not come") { () async throws in
                try await mount.kernelRequests()["lookup", default: 0] >= 12
            }
            mount.emulator.clearFaults()
            #expect(try await texts.count == 8 * ("text 1".count + "system 1".count))
            #expect(try await files.split(separator: "\n") == Array(repeating: "4", count: 8))
            #expect(mount.emulator.requests.count(of: .getPrompt) == 1)
        }
    }

    @Test func `readers of one attachment at one time share one download`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            _ = try await mount.names("@acme/support/v10/context")
            mount.emulator.inject(.hang, on: .storage)
            async let texts = mount.output(
                of: "for i in 1 2 3 4 5 6 7 8; do cat @acme/support/v10/context/faq.txt & done; wait"
            )
            await mount.emulator.requests.wait(for: 1, of: .storage)
            mount.emulator.clearFaults()
            #expect(try await texts == String(repeating: "faq", count: 8))
            #expect(mount.emulator.requests.count(of: .storage) == 1)
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
        }
    }
}
