import ClaroAPI
import FUSE
import Foundation
import Testing

@testable import ClaroFS

struct AttachmentNameTests {
    @Test(arguments: [
        ("a/b", "a_b"), ("nul\0", "nul_"), ("tab\t", "tab_"), ("\u{85}next", "_next"),
        ("invoice\u{202E}fdp.exe", "invoice_fdp.exe"),
        ("", "unnamed"), (".", "unnamed"), ("..", "unnamed"), ("...", "..."), (".hidden", ".hidden"),
        ("ok.pdf", "ok.pdf"),
        ("e\u{301}.txt", "e\u{301}.txt"), ("👩‍👩‍👧.png", "👩‍👩‍👧.png"),
    ])
    func `what a path cannot hold, or a terminal would show wrongly, is replaced`(given: String, shown: String) throws {
        #expect(try names([file("1", given)]) == [shown])
    }

    @Test func `of two items with one name the later gets its id`() throws {
        let names = try names([file("1", "a.txt"), file("2", "a.txt"), file("3", "a"), file("4", "a")])
        #expect(names == ["a.txt", "a~2.txt", "a", "a~4"])
    }

    @Test func `an id in a name is made harmless, too, and never repeats a name`() throws {
        let names = try names([file("1", "a.txt"), file("x/y", "a.txt"), file("x_y", "a.txt")])
        #expect(names == ["a.txt", "a~x_y.txt", "a~x_y~2.txt"])
    }

    @Test(.timeLimit(.minutes(1)))
    func `ids that are alike as far as a name goes are told apart`() throws {
        let long = String(repeating: "x", count: 300)
        let names = try names([file("1", "a.txt"), file(long + "1", "a.txt"), file(long + "2", "a.txt")])
        #expect(Set(names).count == 3)
        #expect(names.allSatisfy { $0.utf8.count <= 255 && $0.hasPrefix("a") && $0.hasSuffix(".txt") })
    }

    @Test(.timeLimit(.minutes(1)))
    func `thousands of items whose ids become one in a name are named in one go`() throws {
        let controls = (1...31).map { String(format: "\\u%04x", $0) }
        let ids = controls.flatMap { first in
            controls.flatMap { second in controls.prefix(10).map { first + second + $0 } }
        }
        #expect(Set(try names(ids.map { file($0, "a.txt") })).count == ids.count)
    }

    @Test func `long names are cut in whole characters and keep the extension`() throws {
        let family = "👨‍👩‍👧‍👦"
        let long = try #require(try names([file("1", String(repeating: family, count: 40) + ".pdf")]).first)
        #expect(long.utf8.count <= 255)
        #expect(long == String(repeating: family, count: 251 / family.utf8.count) + ".pdf")
        let endless = try #require(try names([file("1", "a." + String(repeating: "x", count: 400))]).first)
        #expect(endless == "a." + String(repeating: "x", count: 253))
    }

    @Test func `one character larger than a name is cut between its scalars`() throws {
        let zalgo = "e" + String(repeating: "\u{301}", count: 300)
        let name = try #require(try names([file("1", zalgo)]).first)
        #expect(name.utf8.count <= 255 && name.utf8.count > 250)
    }

    @Test(
        arguments: [
            ("https://example.com/kb", nil, "example.com.url"),
            ("http://u:p@Example.com:8080/", nil, "Example.com.url"),
            ("HTTPS://x", "Knowledge Base", "Knowledge Base.url"),
            ("ftp://files.example.com/x", nil, "files.example.com.txt"),
            ("javascript:alert(1)", nil, "unnamed.txt"), ("https://[::1]:80/", nil, "[::1].url"),
            ("mailto:a@b", "Mail", "Mail.txt"),
        ] as [(String, String?, String)]
    )
    func `a page is named after its label, else its host`(url: String, label: String?, shown: String) throws {
        var members = [#""id": "1", "type": "url", "url": "\#(url)""#]
        if let label { members.append(#""label": "\#(label)""#) }
        #expect(try names(["{\(members.joined(separator: ","))}"]) == [shown])
    }

    /// Whatever people write: a name for each item, no two alike, each one a single path component.
    @Test(arguments: 0..<20) func `any list of names can be a directory`(seed: UInt64) throws {
        var random = SplitMix(seed)
        let alphabet = ["a", "/", "\0", ".", "..", "~", "é", "e\u{301}", "\u{202E}", "👩‍👩‍👧", "\n", " ", "~1", ".txt"]
        let items = (0..<60).map { index in
            let count = Int(random.next() % 40) * Int(random.next() % 8)
            return file("\(index % 7)-\(index)", (0..<count).map { _ in alphabet[Int(random.next() % 14)] }.joined())
        }
        let names = AttachmentName.names(of: try Self.items(items))
        #expect(names.count == items.count)
        #expect(Set(names).count == names.count)
        for name in names {
            #expect((1...255).contains(name.bytes.count))
            #expect(!name.bytes.contains(0) && !name.bytes.contains(UInt8(ascii: "/")))
            #expect(name != "." && name != "..")
            #expect(name.text != nil)
        }
    }

    // MARK: Items as the API sends them

    private func names(_ items: [String]) throws -> [String] {
        AttachmentName.names(of: try Self.items(items)).map(\.description)
    }

    private func file(_ id: String, _ name: String) -> String {
        let text = JSONValue.string(name)
        let written = String(decoding: JSONValue.array([text]).serialized(.compact), as: UTF8.self)
        return
            #"{"id": "\#(id)", "type": "file", "fileName": \#(written.dropFirst().prefix { $0 != "\n" }.dropLast())}"#
    }

    private static func items(_ items: [String]) throws -> [ContextItem] {
        let metadata = #"{"id": "p", "version": "v1", "context": [\#(items.joined(separator: ","))]}"#
        let prompt = Prompt(
            metadata: Array(metadata.utf8),
            content: [],
            systemPrompt: nil,
            critiquePrompt: nil,
            etag: nil
        )
        return try #require(prompt).context
    }
}

/// Numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
