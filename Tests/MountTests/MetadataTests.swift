import ClaroEmulator
import TestSupport
import Testing

struct MetadataTests {
    /// With `generatedAt` fixed, so that two answers are the same bytes.
    private static let metadata: JSON = ["createdAt": 1_736_933_400_000, "generatedAt": 1_736_933_400_001]

    @Test func `metadata is the API's object without its texts, as jq -S prints it`() async throws {
        let version = Workspace.Version(
            "The text.",
            system: "The system text.",
            critique: "The critique text.",
            context: [
                .file("faq.pdf", .text("%PDF"), label: "FAQ \"quoted\" / \u{1}\u{7F}"),
                .url("https://example.com/ü?a=b&c", label: "naïve 簡潔 👩‍👩‍👧"),
            ],
            overrides: [
                "metadata": Self.metadata, "Zebra": [], "apple": [:], "empty": "", "nothing": .some(.null),
                "nested": ["b": [1, [2, ["z": true, "a": false]], nil], "B": "tab\tslash/backslash\\"],
                "twins": .object([.init("e\u{301}", "decomposed"), .init("\u{E9}", "composed")]),
            ]
        )
        let library: Workspace = ["acme": [.init("support", title: "Sup\u{2028}port", versions: [version])]]
        let configuration = Emulator.Configuration { $0.sendsVersionContent = true }
        try await MountFixture.with(library, configuration: configuration) { mount async throws in
            let theirs = try await mount.output(
                of: """
                    curl -sf -X POST \(mount.emulator.url)/v1/prompts/get -H 'Authorization: Bearer \(MountFixture.key)' \
                    -H 'Content-Type: application/json' -d '{"package_name":"@acme/support:v1"}' \
                    | jq -S 'del(.content, .systemPrompt, .critiquePrompt, .versionContent)'
                    """
            )
            #expect(theirs.contains(#""e\#u{301}": "decomposed""#))
            #expect(try await mount.text("@acme/support/v1/metadata.json") == theirs)
        }
    }

    @Test func `numbers in the metadata are spelled as the server spells them`() async throws {
        let spellings = ["0.10", "1E2", "1e+02", "-0", "12345678901234567890123", "100000000000000000000.5"]
        let version = Workspace.Version("x", overrides: ["numbers": .array(spellings.map(JSON.number))])
        try await MountFixture.with(["acme": [.init("support", versions: [version])]]) { mount async throws in
            let text = try await mount.text("@acme/support/v1/metadata.json")
            let lines = spellings.map { "    \($0)" }.joined(separator: ",\n")
            #expect(text.contains("  \"numbers\": [\n\(lines)\n  ],\n"))
        }
    }
}
