import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `claro ls` and `claro cat`.
struct ListCatTests {
    @Test func `the tree is that of a mount`() async throws {
        try await ClaroFixture.with { fixture async throws in
            #expect(try await fixture.output("ls") == "@acme\n@alice\n@handbook\n")
            #expect(try await fixture.output("ls", "@alice") == "code-reviewer\ncommit-message\nsql-explainer\n")
            #expect(try await fixture.output("ls", "@acme/customer-support") == "latest\nv1\nv2\n")
            let names = ["content.md", "system.md", "critique.md", "metadata.json", "variables.json", "context"]
            #expect(
                try await fixture.output("ls", "@acme/customer-support:v2").split(separator: "\n").map(String.init)
                    == names
            )
            let context = try await fixture.output("ls", "@acme/customer-support/v2/context/")
            #expect(context == "product-faq.pdf\nKnowledge Base.url\n")
        }
    }

    @Test func `every file is the mount's, byte for byte`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                let files = try await mount.output(of: "find @acme/*/v* -type f | LC_ALL=C sort").split(separator: "\n")
                #expect(files.count > 20)
                for file in files {
                    let expected = try await mount.output(of: "sha256sum < '\(file)'")
                    let words = ["cat", "--source", fixture.emulator.url, "-o", "cache=\(fixture.cache)", String(file)]
                    let output = try await fixture.run(words)
                    let copy = try fixture.scratch.write(output.bytes, to: "copy")
                    #expect(try await mount.output(of: "sha256sum < \(copy)") == expected, "\(file)")
                }
            }
        }
    }

    @Test func `a listing as JSON has sizes, times and targets`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.claro("ls", "--json", "@acme/customer-support:v1")
            let items = try #require(try JSONSerialization.jsonObject(with: Data(output.bytes)) as? [[String: Any]])
            let prompt = try #require(fixture.emulator.workspace["acme", "customer-support"])
            let names = ["content.md", "system.md", "metadata.json", "variables.json"]
            #expect(items.map { $0["name"] as? String } == names)
            #expect(items[0]["size"] as? Int == prompt.versions[0].content.utf8.count)
            #expect(items[0]["modified"] as? Int64 == prompt.versions[0].createdAt.map { $0 / 1000 })
            #expect(items[0]["type"] as? String == "file")

            let versions = try await fixture.output("ls", "--json", "@acme/customer-support")
            #expect(versions.contains("\"target\": \"v2\""))
        }
    }

    @Test func `a version costs one request, its neighbours none, and no listing is fetched for it`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let first = try await fixture.requestCount { () async throws in
                let text = try await fixture.output("cat", "@acme/customer-support:v1")
                #expect(text == fixture.emulator.workspace["acme", "customer-support"]?.versions[0].content)
            }
            #expect(first == 1)
            let again = try await fixture.requestCount { () async throws in
                _ = try await fixture.output("cat", "@acme/customer-support:v1", "@acme/customer-support:v1/system.md")
                _ = try await fixture.output("ls", "-l", "@acme/customer-support:v1")
            }
            #expect(again == 0)
            let latest = try await fixture.requestCount { () async throws in
                _ = try await fixture.output("cat", "@alice/code-reviewer")
                _ = try await fixture.output("cat", "@alice/code-reviewer:latest")
                _ = try await fixture.output("cat", "@alice/code-reviewer:v2")
            }
            #expect(latest == 1)
        }
    }

    @Test func `what one fetched costs the other nothing`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("ls")
            _ = try await fixture.output("cat", "@acme/customer-support:v2/context/product-faq.pdf")
            let mounted = try await fixture.requestCount { () async throws in
                try await fixture.mounted { mount async throws in
                    try await mount.output(
                        of: "ls -R @acme/customer-support/v2 && cat @acme/customer-support/v2/context/*"
                    )
                }
            }
            #expect(mounted == 0)
            try await fixture.mounted { mount async throws in
                try await mount.output(of: "cat @handbook/meeting-minutes/v1/content.md")
                let read = try await fixture.requestCount { () async throws in
                    _ = try await fixture.output("cat", "@handbook/meeting-minutes:v1")
                    _ = try await fixture.output("ls")
                }
                #expect(read == 0)
            }
        }
    }

    @Test func `what was fetched is served without a network, and a warning says what may be old`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let text = try await fixture.output("cat", "@acme/customer-support:v1")
            _ = try await fixture.output("ls", "-o", "ttl=0")
            await fixture.emulator.stop()
            let published = try await fixture.claro("cat", "@acme/customer-support:v1")
            #expect(published.text == text)
            #expect(published.errors == "")
            let listing = try await fixture.claro("ls", "-o", "ttl=0")
            #expect(listing.text == "@acme\n@alice\n@handbook\n")
            #expect(
                listing.errors.hasPrefix("claro: the listing could not be renewed: listing prompts, page 1 failed: ")
            )
            let missing = try await fixture.claro("cat", "@acme/customer-support:v2")
            #expect(missing.status == 3)
            #expect(
                missing.errors.contains(
                    "@acme/customer-support:v2 is not in the cache, and \(fixture.emulator.url) cannot be reached"
                )
            )
            #expect(missing.text == "")
        }
    }

    @Test(arguments: [
        ("@acme/nothing", 1, "there is no @acme/nothing"),
        ("@acme/customer-support:v9", 1, "there is no @acme/customer-support:v9"),
        ("@acme/customer-support:v1/critique.md", 1, "there is no @acme/customer-support:v1/critique.md"),
        ("@acme", 2, "@acme is a directory: `claro ls` lists it"),
        ("acme/x", 2, "acme/x is no name in a library: write @namespace/prompt:version/file"),
        ("@acme/x:v01", 2, "@acme/x:v01 is no name in a library: write @namespace/prompt:version/file"),
    ])
    func `what is not there is one line and an exit code`(path: String, status: Int32, message: String) async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.claro("cat", path)
            #expect(output.status == status)
            #expect(output.text == "")
            #expect(output.errors == "claro: \(message)\n")
        }
    }

    @Test func `a key that is refused is named by its place, never printed`() async throws {
        var configuration = Emulator.Configuration()
        configuration.keys = .only(["sk_other"])
        try await ClaroFixture.with(configuration: configuration) { fixture async throws in
            let output = try await fixture.claro("cat", "@acme/customer-support:v1")
            #expect(output.status == 3)
            #expect(output.errors.hasPrefix("claro: @acme/customer-support:v1 is closed to the key in $BAYT_API_KEY: "))
            #expect(!output.errors.contains(ClaroFixture.key))
            let missing = try await fixture.claro("cat", "@acme/customer-support:v1", key: nil)
            #expect(missing.status == 2)
            #expect(missing.errors.hasPrefix("claro: no API key found in $BAYT_API_KEY, "))
            #expect(missing.errors.hasSuffix(": `claro login` stores one\n"))
        }
    }

    @Test func `variables are substituted by the API`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let text = try await fixture.output("cat", "@acme/customer-support:v1,company=Acme")
            #expect(text.hasPrefix("You are a helpful customer support agent for Acme."))
        }
    }

    @Test func `include keeps to a part of the account`() async throws {
        try await ClaroFixture.with { fixture async throws in
            #expect(try await fixture.output("ls", "-o", "include=@alice/code*") == "@alice\n")
            #expect(try await fixture.output("ls", "-o", "include=@alice/code*", "@alice") == "code-reviewer\n")
            let closed = try await fixture.claro("cat", "-o", "include=@alice", "@acme/customer-support:v1")
            #expect(closed.status == 1)
        }
    }
}
