import ClaroEmulator
import TestSupport
import Testing

struct ExtendedAttributesTests {
    private static let library: Workspace = [
        "acme": [
            .init(
                "support",
                id: "prompt_1",
                title: "Süpport",
                versions: [
                    .init(
                        "text\n",
                        context: [
                            .file("a/b.pdf", .text("%PDF"), id: "ctx_1"),
                            .url("https://example.com", label: "The: page", id: "ctx_2"),
                        ]
                    )
                ]
            )
        ]
    ]
    private static let version = "@acme/support/v1"

    @Test func `with the option xattr a version tells what it is`() async throws {
        try await MountFixture.with(Self.library, options: ["xattr"]) { mount async throws in
            func attributes(_ name: String) async throws -> [String] {
                let path = "\(Self.version)/\(name)"
                let script =
                    "import os; [print(n, os.getxattr('\(path)', n).decode()) for n in os.listxattr('\(path)')]"
                return try await mount.output(of: "python3 -c \"\(script)\"").split(separator: "\n")
                    .filter { !$0.hasPrefix("user.claro.fetched_at") }.map(String.init).sorted()
            }
            let common = [
                "user.claro.id prompt_1", "user.claro.package_name @acme/support:v1", "user.claro.title Süpport",
                "user.claro.version v1",
            ]
            let sha256 = try await mount.output(of: "sha256sum < \(Self.version)/content.md").prefix(64)
            #expect(try await attributes("") == common)
            #expect(try await attributes("context") == common)
            #expect(
                try await attributes("content.md")
                    == (common + ["user.claro.sha256 \(sha256)", "user.mime_type text/markdown"]).sorted()
            )
            #expect(
                try await attributes("context/a_b.pdf")
                    == (common + ["user.claro.file_name a/b.pdf", "user.mime_type application/pdf"]).sorted()
            )
            #expect(try await attributes("context/The: page.url").contains("user.claro.file_name The: page"))
            let fetched = try await mount.output(of: "getfattr --only-values -n user.claro.fetched_at \(Self.version)")
            #expect(try #require(Int(fetched)) > 1_700_000_000)
            #expect(mount.emulator.requests.count(of: .getPrompt) == 1)
        }
    }

    @Test func `without the option there are no extended attributes, and the kernel does not ask for them`()
        async throws
    {
        try await MountFixture.with(Self.library) { mount async throws in
            let output = try await mount.bash("getfattr -n user.claro.version \(Self.version)/content.md")
            #expect(output.errors.contains("Operation not supported"))
            let asked = try await mount.leastKernelRequests { () async throws in
                try await mount.output(of: "ls -l \(Self.version) | cat; getfattr -d -m - \(Self.version)/*; true")
            }
            #expect(asked.keys.filter { $0.hasSuffix("xattr") } == [])
        }
    }

    @Test func `an attribute that is not there is ENODATA, and none can be set`() async throws {
        try await MountFixture.with(Self.library, options: ["xattr"]) { mount async throws in
            let file = "\(Self.version)/content.md"
            let script = "import os; os.getxattr('\(file)', 'user.other')"
            #expect(try await mount.bash("python3 -c \"\(script)\"").errors.contains("[Errno 61] No data available"))
            #expect(try await mount.bash("setfattr -n user.a -v b \(file)").errors.contains("Read-only file system"))
        }
    }

    @Test func `cp -a and ls -l work with extended attributes`() async throws {
        try await MountFixture.with(Self.library, options: ["xattr"]) { mount async throws in
            let copy = "\(mount.scratch.path)/copy"
            try await mount.output(of: "ls -lR | cat && cp -a @acme \(copy) && diff -r @acme \(copy)")
        }
    }
}
