import ClaroEmulator
import TestSupport
import Testing

/// Names that people gave to attachments, as file names.
struct AttachmentNameTests {
    private typealias Item = Workspace.ContextItem

    /// Mounts one version with these items, and tells the names in its `context`.
    private static func with(_ items: [Item], _ body: (MountFixture, [String]) async throws -> Void) async throws {
        let library: Workspace = ["acme": [.init("support", versions: [.init("text", context: items)])]]
        try await MountFixture.with(library) { mount async throws in
            try await body(mount, try await mount.names("@acme/support/v1/context"))
        }
    }

    private static let odd: [(fileName: String, shown: String)] = [
        ("plain.txt", "plain.txt"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("nul\0tab\tline\r\nend.txt", "nul_tab_line__end.txt"),
        ("c1\u{85}del\u{7F}.txt", "c1_del_.txt"),
        ("invoice\u{202E}fdp.exe", "invoice_fdp.exe"),
        ("isolate\u{2066}\u{2069}.txt", "isolate__.txt"),
        (".hidden", ".hidden"),
        ("...", "..."),
        (" space ", " space "),
        ("emoji 👩‍👩‍👧.png", "emoji 👩‍👩‍👧.png"),
    ]

    @Test func `slashes, control characters and bidirectional overrides become underscores`() async throws {
        let items = Self.odd.enumerated().map { Item.file($1.fileName, .text("\($0)"), id: "ctx_\($0)") }
        try await Self.with(items) { mount, names async throws in
            #expect(names == Self.odd.map(\.shown).sorted())
            for (number, name) in Self.odd.enumerated() {
                #expect(try await mount.text("@acme/support/v1/context/\(name.shown)") == "\(number)")
            }
            let metadata = try await mount.text("@acme/support/v1/metadata.json")
            #expect(metadata.contains("\"invoice\u{202E}fdp.exe\""))
        }
    }

    @Test func `a name that is empty, a dot or two dots is unnamed`() async throws {
        let items = ["", ".", ".."].enumerated().map { Item.file($1, .text("\($0)"), id: "ctx_\($0)") }
        try await Self.with(items) { mount, names async throws in
            #expect(names == ["unnamed", "unnamed~ctx_1", "unnamed~ctx_2"])
            #expect(try await mount.text("@acme/support/v1/context/unnamed~ctx_2") == "2")
        }
    }

    @Test func `of two items with one name the later has its id before the extension`() async throws {
        let items = [
            Item.file("faq.tar.gz", .text("first"), id: "ctx_1"),
            Item.file("faq.tar.gz", .text("second"), id: "ctx_2"),
            Item.file("a/b", .text("third"), id: "ctx_3"),
            Item.file("a_b", .text("fourth"), id: "ctx/4"),
        ]
        try await Self.with(items) { mount, names async throws in
            #expect(names == ["a_b", "a_b~ctx_4", "faq.tar.gz", "faq.tar~ctx_2.gz"])
            #expect(try await mount.text("@acme/support/v1/context/faq.tar.gz") == "first")
            #expect(try await mount.text("@acme/support/v1/context/faq.tar~ctx_2.gz") == "second")
            #expect(try await mount.text("@acme/support/v1/context/a_b~ctx_4") == "fourth")
        }
    }

    @Test func `a name of more than 255 bytes is cut at a character, and keeps its extension`() async throws {
        let umlauts = String(repeating: "ä", count: 200)
        let families = String(repeating: "👩‍👩‍👧", count: 20)
        let items = [
            Item.file(umlauts + ".pdf", .text("first"), id: "ctx_1"),
            Item.file(umlauts + ".pdf", .text("second"), id: "ctx_2"),
            Item.file(families, .text("third"), id: "ctx_3"),
            Item.file(String(repeating: "x", count: 255), .text("fourth"), id: "ctx_4"),
        ]
        let expected = [
            String(repeating: "ä", count: 125) + ".pdf",
            String(repeating: "ä", count: 122) + "~ctx_2.pdf",
            // 18 bytes each.
            String(repeating: "👩‍👩‍👧", count: 14),
            String(repeating: "x", count: 255),
        ]
        try await Self.with(items) { mount, names async throws in
            #expect(names == expected.sorted())
            for (name, text) in zip(expected, ["first", "second", "third", "fourth"]) {
                #expect(try await mount.text("@acme/support/v1/context/\(name)") == text)
            }
        }
    }

    @Test func `names that differ in their Unicode form only are two files`() async throws {
        let items = [
            Item.file("caf\u{E9}.txt", .text("composed"), id: "ctx_1"),
            Item.file("cafe\u{301}.txt", .text("decomposed"), id: "ctx_2"),
        ]
        try await Self.with(items) { mount, names async throws in
            #expect(names.map { Array($0.utf8).count }.sorted() == [9, 10])
            #expect(try await mount.text("@acme/support/v1/context/caf\u{E9}.txt") == "composed")
            #expect(try await mount.text("@acme/support/v1/context/cafe\u{301}.txt") == "decomposed")
        }
    }

    private static let addresses: [(item: Item, shown: String, text: String)] = [
        (
            .url("https://example.com/kb?a=b&c=%20d#e", label: "Knowledge Base", id: "ctx_1"), "Knowledge Base.url",
            "[InternetShortcut]\nURL=https://example.com/kb?a=b&c=%20d#e\n"
        ),
        (
            .url("http://user:pass@docs.example.com:8080/x", id: "ctx_2"), "docs.example.com.url",
            "[InternetShortcut]\nURL=http://user:pass@docs.example.com:8080/x\n"
        ),
        (
            .url("HTTPS://EXAMPLE.com/ü", id: "ctx_3"), "EXAMPLE.com.url",
            "[InternetShortcut]\nURL=HTTPS://EXAMPLE.com/ü\n"
        ),
        (
            .url("https://example.com/\r\nURL=file:///etc/passwd", label: "Two lines\r\n", id: "ctx_4"),
            "Two lines__.url", "[InternetShortcut]\nURL=https://example.com/URL=file:///etc/passwd\n"
        ),
        (.url("file:///etc/passwd", label: "Passwords", id: "ctx_5"), "Passwords.txt", "file:///etc/passwd\n"),
        (.url("javascript:alert(1)", id: "ctx_6"), "unnamed.txt", "javascript:alert(1)\n"),
        (.url("ftp://example.com/a", id: "ctx_7"), "example.com.txt", "ftp://example.com/a\n"),
        (.url("https://[::1]:80/", id: "ctx_8"), "[::1].url", "[InternetShortcut]\nURL=https://[::1]:80/\n"),
    ]

    @Test func `web addresses are shortcuts without line breaks, all others are texts`() async throws {
        try await Self.with(Self.addresses.map(\.item)) { mount, names async throws in
            #expect(names == Self.addresses.map(\.shown).sorted())
            for address in Self.addresses {
                #expect(try await mount.text("@acme/support/v1/context/\(address.shown)") == address.text)
            }
            #expect(mount.emulator.requests.count(of: .downloadURL) == 0)
        }
    }

    @Test func `an item that cannot be a file is left out, and the others stay`() async throws {
        let items = [
            Item.other("a text"), .other(nil), .other([]), .other(["type": "file"]), .other(["id": "ctx_1"]),
            .other(["id": "ctx_2", "type": "hologram", "fileName": "x"]),
            .other(["id": "ctx_3", "type": "url"]),
            .other(["id": "", "type": "file", "fileName": "x"]),
            .other(["id": "ctx_4", "type": "file", "fileName": .raw(#""\ud800""#)]),
            .file("good.txt", .text("good"), id: "ctx_5"),
            .file("", .text("nameless"), id: "ctx_6", overrides: ["fileName": .none]),
        ]
        try await Self.with(items) { mount, names async throws in
            #expect(names == ["good.txt", "unnamed", "\u{FFFD}"])
            #expect(try await mount.text("@acme/support/v1/context/good.txt") == "good")
            #expect(try await mount.text("@acme/support/v1/context/unnamed") == "nameless")
        }
    }
}
