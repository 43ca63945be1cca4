import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Names that are there, and are in no directory's list.
struct UnlistedNameTests {
    private static let library: Workspace = [
        "acme": [
            .init(
                "support",
                versions: [.init("one"), .init("Dear {{company:string}}, {{amount:number}} of {{company}}.")]
            )
        ],
        // The item has no name, so the listing shows nothing of this namespace.
        "other": [
            .init(
                "hidden",
                versions: [.init("first"), .init("second")],
                listingOverrides: ["packageName": .none]
            )
        ],
    ]

    @Test func `a package name pasted from Claro is a path`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                #expect(try await mount.target(of: "@acme/support:v1") == "support/v1")
                #expect(try await mount.target(of: "@acme/support:latest") == "support/latest")
                #expect(try await mount.target(of: "@acme/support:v2,company=A") == "support/v2,company=A")
            }
            #expect(requests == 0)
            #expect(try await mount.text("@acme/support:v1/content.md") == "one")
            #expect(try await mount.text("@acme/support:latest/content.md").hasPrefix("Dear {{company"))
            #expect(try await mount.lookupError("@acme/missing:v1") == .ENOENT)
            #expect(try await mount.names("@acme") == ["support"])
        }
    }

    @Test func `a namespace that is not listed is an empty directory, without a request`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                #expect(try await mount.names("@other") == [])
                #expect(try await mount.names("@anything-goes_9") == [])
                #expect(try await mount.names("") == ["@acme"])
            }
            #expect(requests == 0)
        }
    }

    @Test func `a prompt that is not listed costs one request for latest, whose body is kept`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                #expect(try await mount.target(of: "@other/hidden/latest") == "v2")
                #expect(try await mount.text("@other/hidden/v2/content.md") == "second")
                #expect(try await mount.names("@other/hidden") == ["latest", "v1", "v2"])
            }
            #expect(requests == 1)
            #expect(mount.emulator.requests.entries.last?.subject == "@other/hidden:latest")
            #expect(try await mount.text("@other/hidden/v1/content.md") == "first")
            #expect(mount.emulator.requests.count(of: .getPrompt) == 2)
        }
    }

    @Test func `a 404 in a namespace that is not listed is remembered`() async throws {
        try await MountFixture.with(Self.library, options: ["negative_ttl=1h"]) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                for path in ["missing", "missing/v1/content.md", "missing:latest", "missing/latest", "missing"] {
                    #expect(try await mount.lookupError("@other/\(path)") == .ENOENT)
                }
            }
            #expect(requests == 1)
        }
    }

    @Test func `variables in a version's name are substituted by the API, as strings`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            #expect(
                try await mount.text("@acme/support/v2,company=Acme,amount=3/content.md") == "Dear Acme, 3 of Acme."
            )
            #expect(
                try await mount.text("@acme/support/v2,company=A%2CB%2fC%25D,amount=x=y/content.md")
                    == "Dear A,B/C%D, x=y of A,B/C%D."
            )
            // Were it sent as JSON of its own, its quotes would be gone.
            #expect(
                try await mount.text(#"@acme/support/v2,company="ü\",amount=/content.md"#)
                    == #"Dear "ü\",  of "ü\"."#
            )
            #expect(try await mount.target(of: "@acme/support/latest,company=A") == "v2,company=A")
            #expect(try await mount.text("@acme/support/latest,company=A/content.md").hasPrefix("Dear A, {{amount"))
            #expect(try await mount.names("@acme/support") == ["latest", "v1", "v2"])
        }
    }

    @Test func `a version with variables costs one request, and none again`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            for _ in 1...2 {
                _ = try await mount.text("@acme/support/v2,company=Acme/content.md")
                _ = try await mount.text("@acme/support/v2,company=Acme/metadata.json")
            }
            #expect(mount.emulator.requests.count(of: .getPrompt) == 1)
        }
    }

    @Test func `of texts with variables the last 8 MiB stay in memory`() async throws {
        let text = "Dear {{who}},\n" + String(repeating: "a line\n", count: 150_000)
        let library: Workspace = ["acme": [.init("support", versions: [.init(text)])]]
        try await MountFixture.with(library) { mount async throws in
            for who in 1...40 {
                let filled = try await mount.text("@acme/support/v1,who=\(who)/content.md")
                #expect(filled == text.replacing("{{who}}", with: "\(who)"))
            }
            // Of each a directory and a file, beside those above them.
            try await mount.waitUntil("the kernel holds more") { () async throws in
                try #require(try await mount.metric("claro_inodes")) < 2 * 8 + 8
            }
            for who in [40, 1] { _ = try await mount.text("@acme/support/v1,who=\(who)/content.md") }
            #expect(mount.emulator.requests.count(of: .getPrompt) == 41)
        }
    }

    private static let forbiddenNames = [
        "": [
            ".git", ".hidden", "node_modules", "desktop.ini", "acme", "@", "@a.b", "@acme:v1", "@ü", "@acme,v=1",
            ".claro~",
        ],
        ".claro": ["status", "status.json~", ".git"],
        "@acme": [
            ".git", ".hidden", "desktop.ini", "no.dots", "support:", "support:v01", "support:v", "support:2", ":v1",
            "support:v1:v2", "support:v1,", "@support", "süpport",
        ],
        "@acme/support": [
            ".git", ".hidden", "node_modules", "desktop.ini", ".content.md.swp", "v", "v01", "V1", "v-1", "v1.0",
            "v1234567890", "LATEST", "latest2", "v1,", "v1,company", "v1,=x", "v1,a=%", "v1,a=%2", "v1,a=%zz",
            "v1,a=%FF", "v1,a=1,a=2", "latest,",
        ],
        "@acme/support/v1": [
            ".git", ".content.md.swp", "content.md~", "CONTENT.md", "node_modules", "README.md", "4913",
        ],
        "@other": ["no.dots", ".git", "hidden:v01"],
    ]

    @Test(arguments: forbiddenNames.keys.sorted())
    func `names that break the grammar never cost a request, and the kernel remembers them`(
        directory: String
    ) async throws {
        let names = try #require(Self.forbiddenNames[directory]).map { "\(directory)/\($0)" }
        // Nothing is ever fresh here, so whatever asked would cost a request.
        let options = ["ttl=0", "draft_ttl=0", "negative_ttl=0"]
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                for name in names { #expect(try await mount.lookupError(name) == .ENOENT, "\(name)") }
            }
            #expect(requests == 0)
            let asked = try await mount.leastKernelRequests { () async throws in
                for name in names { _ = try await mount.lookupError(name) }
            }
            #expect(asked.isEmpty)
        }
    }

    @Test func `names that are not UTF-8 are not there`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let line = #"for d in . @acme @acme/support @acme/support/v1; do LC_ALL=C stat "$d"/$'v1\xff' 2>&1; done"#
            let output = try await mount.bash(line)
            #expect(output.lines.count { $0.hasSuffix("No such file or directory") } == 4)
            #expect(mount.emulator.requests.total == 1)
        }
    }
}
