import ClaroEmulator
import Foundation
import TestSupport
import Testing

struct TreeTests {
    private static let library: Workspace = [
        "acme": [
            .init(
                "customer-support",
                versions: [
                    .init("One.\n"),
                    .init(
                        "Two, without a newline at the end",
                        system: "Be kind.",
                        critique: "Was it kind?\r\n",
                        context: [
                            .file("product-faq.pdf", .text("%PDF-1.4\n")),
                            .url("https://example.com/kb", label: "Knowledge Base"),
                        ]
                    ),
                ],
                draft: .init("Three?")
            )
        ],
        "alice": [.init("notes", versions: [.init("Note {{this}}.", system: "", critique: "")])],
    ]

    @Test func `the tree has exactly the files that have something in them`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let tree = try await mount.output(of: "find . -printf '%y %P %l\\n' | sort -k2")
            #expect(
                tree == """
                    d  
                    d @acme 
                    d @acme/customer-support 
                    l @acme/customer-support/latest v2
                    d @acme/customer-support/v1 
                    f @acme/customer-support/v1/content.md 
                    f @acme/customer-support/v1/metadata.json 
                    d @acme/customer-support/v2 
                    f @acme/customer-support/v2/content.md 
                    d @acme/customer-support/v2/context 
                    f @acme/customer-support/v2/context/Knowledge Base.url 
                    f @acme/customer-support/v2/context/product-faq.pdf 
                    f @acme/customer-support/v2/critique.md 
                    f @acme/customer-support/v2/metadata.json 
                    f @acme/customer-support/v2/system.md 
                    d @alice 
                    d @alice/notes 
                    l @alice/notes/latest v1
                    d @alice/notes/v1 
                    f @alice/notes/v1/content.md 
                    f @alice/notes/v1/metadata.json 
                    f @alice/notes/v1/variables.json 

                    """
            )
        }
    }

    @Test func `variables.json has what the placeholders of the texts tell`() async throws {
        let texts = Workspace.Version("{{a:number // d}} {{ b }} {{a}}", system: "{{c:string}} {{}}")
        try await MountFixture.with(["acme": [.init("support", versions: [texts, .init("None.")])]]) {
            mount async throws in
            let expected = """
                [
                  {
                    "description": "d",
                    "name": "a",
                    "type": "number"
                  },
                  {
                    "name": "b"
                  },
                  {
                    "name": "c",
                    "type": "string"
                  }
                ]

                """
            #expect(try await mount.text("@acme/support/v1/variables.json") == expected)
            #expect(try await mount.lookupError("@acme/support/v2/variables.json") == .ENOENT)
            #expect(try await mount.text("@acme/support/v1,c=x/variables.json").contains("\"name\": \"a\""))
            #expect(try await !mount.text("@acme/support/v1,a=1,b=2/variables.json").contains("\"name\": \"a\""))
        }
    }

    @Test func `texts and shortcuts are byte for byte what was written`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let prompt = "@acme/customer-support"
            #expect(try await mount.text("\(prompt)/v1/content.md") == "One.\n")
            #expect(try await mount.text("\(prompt)/v2/content.md") == "Two, without a newline at the end")
            #expect(try await mount.text("\(prompt)/v2/system.md") == "Be kind.")
            #expect(try await mount.text("\(prompt)/v2/critique.md") == "Was it kind?\r\n")
            #expect(try await mount.text("\(prompt)/v2/context/product-faq.pdf") == "%PDF-1.4\n")
            #expect(
                try await mount.text("\(prompt)/v2/context/Knowledge Base.url")
                    == "[InternetShortcut]\nURL=https://example.com/kb\n"
            )
            #expect(try await mount.text("@alice/notes/latest/content.md") == "Note {{this}}.")
            #expect(try await mount.text("\(prompt)/v0/content.md") == "Three?")
        }
    }

    @Test func `a directory lists each name once, in as many calls as it takes`() async throws {
        let prompts = (1...300).map { Workspace.Prompt("prompt-\($0)", versions: [.init("x")]) }
        try await MountFixture.with(["acme": prompts]) { mount async throws in
            let names = try await mount.names("@acme")
            #expect(names == prompts.map(\.slug).sorted())
            #expect(try await mount.names("@acme") == names)
            let script = "import os,sys; print(len(list(os.scandir('@acme'))), len(set(os.listdir('@acme'))))"
            #expect(try await mount.output(of: "python3 -c \"\(script)\"") == "300 300\n")
        }
    }

    @Test func `an item of the listing that has no usable name is left out, and the others stay`() async throws {
        let library: Workspace = [
            "acme": [
                .init("good", versions: [.init("good")]),
                .init("bad", versions: [.init("bad")], listingOverrides: ["packageName": "../../etc"]),
                .init("worse", versions: [.init("worse")], listingOverrides: ["packageName": .some(.null)]),
                .init("number", versions: [.init("worst")], listingOverrides: ["packageName": 7]),
            ]
        ]
        try await MountFixture.with(library) { mount async throws in
            #expect(try await mount.names("") == ["@acme"])
            #expect(try await mount.names("@acme") == ["good"])
        }
    }
}
