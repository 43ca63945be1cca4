import ClaroEmulator
import Foundation
import TestSupport
import Testing

struct AttributesTests {
    private static let library: Workspace = [
        "acme": [
            .init(
                "support",
                versions: [
                    .init(
                        String(repeating: "x", count: 513),
                        system: String(repeating: "y", count: 1024),
                        context: [
                            .file("faq.txt", .text("faq"), id: "ctx_1"),
                            .url("https://example.com", id: "ctx_2"),
                        ],
                        createdAt: 1_736_933_400_123
                    )
                ],
                draft: .init("draft")
            )
        ]
    ]

    private static let files = [
        "@acme/support/v1/content.md", "@acme/support/v1/system.md", "@acme/support/v1/metadata.json",
        "@acme/support/v1/context/faq.txt", "@acme/support/v1/context/example.com.url", "@acme/support/v0/content.md",
        ".claro/status.json",
    ]
    private static let directories = [
        "", "@acme", "@acme/support", "@acme/support/v1", "@acme/support/v1/context", "@acme/support/v0", "@other",
        ".claro",
    ]
    private static let links = ["@acme/support/latest", "@acme/support:v1"]

    @Test func `files are 0444, directories 0555, symlinks 0777, each with one link, of who mounted`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            for (names, mode) in [
                (Self.files, S_IFREG | 0o444), (Self.directories, S_IFDIR | 0o555), (Self.links, S_IFLNK | 0o777),
            ] {
                for name in names {
                    let status = try await mount.status(name)
                    #expect(status.st_mode == mode, "\(name)")
                    #expect(status.st_nlink == 1, "\(name)")
                    #expect(status.st_uid == geteuid() && status.st_gid == getegid(), "\(name)")
                }
            }
        }
    }

    @Test func `uid, gid and umask change owner and modes`() async throws {
        let options = ["uid=1234", "gid=5678", "umask=0027"]
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            for (names, mode) in [
                (Self.files, S_IFREG | 0o440), (Self.directories, S_IFDIR | 0o550), (Self.links, S_IFLNK | 0o777),
            ] {
                for name in names {
                    let status = try await mount.status(name)
                    #expect(status.st_mode == mode, "\(name)")
                    #expect(status.st_uid == 1234 && status.st_gid == 5678, "\(name)")
                }
            }
        }
    }

    @Test(arguments: [(options: ["allow_other"], isLetIn: true), (["allow_other", "umask=0077"], false), ([], false)])
    func `others are let in with allow_other, as far as the modes let them`(
        options: [String],
        isLetIn: Bool
    ) async throws {
        try await MountFixture.with(Self.library, options: options) { mount async throws in
            let file = "\(mount.path)/@acme/support/v1/context/faq.txt"
            let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", file]
            let output = try await ChildProcess.run(words, directory: "/")
            #expect(output.text == (isLetIn ? "faq" : ""))
            #expect(output.errors.contains("Permission denied") == !isLetIn)
        }
    }

    @Test func `sizes are true at the first stat, and blocks are what they fill`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            var sizes: [String: Int] = [:]
            for name in Self.files.dropLast() + Self.links {
                let status = try await mount.status(name)
                sizes[name] = status.st_size
                #expect(status.st_blocks == (status.st_size + 511) / 512, "\(name)")
            }
            for name in Self.files.dropLast() { #expect(sizes[name] == (try await mount.read(name).count), "\(name)") }
            for name in Self.links { #expect(sizes[name] == (try await mount.target(of: name).utf8.count), "\(name)") }
            for name in Self.directories { #expect(try await mount.status(name).st_size == 0, "\(name)") }
        }
    }

    @Test(arguments: Emulator.Configuration.TimestampUnit.allCases)
    func `times are those of the version, in whatever unit`(unit: Emulator.Configuration.TimestampUnit) async throws {
        let configuration = Emulator.Configuration { $0.timestamps = unit }
        try await MountFixture.with(Self.library, configuration: configuration) { mount async throws in
            for name in ["content.md", "metadata.json", "context/faq.txt", "context/example.com.url", "", "context"] {
                let status = try await mount.status("@acme/support/v1/\(name)")
                for time in [status.st_mtim, status.st_ctim, status.st_atim] {
                    #expect(time.tv_sec == 1_736_933_400, "\(name)")
                    #expect(time.tv_nsec == (unit == .milliseconds ? 123_000_000 : 0), "\(name)")
                }
            }
            for name in ["", "@acme", "@acme/support", "@acme/support/latest"] {
                #expect(try await mount.status(name).st_mtim.tv_sec == 1_736_933_400, "\(name)")
            }
        }
    }

    @Test(arguments: [JSON.integer(0), -1, "yesterday", .null, .number("1e300"), [:]])
    func `what has no usable time has that of the mount, the same at every look`(created: JSON) async throws {
        let overrides: [String: JSON?] = ["metadata": ["createdAt": created]]
        let version = Workspace.Version("text", overrides: overrides)
        let library: Workspace = ["acme": [.init("support", versions: [version])]]
        let earliest = Int(Date().timeIntervalSince1970)
        try await MountFixture.with(library) { mount async throws in
            let latest = Int(Date().timeIntervalSince1970)
            for name in ["", "@acme", "@acme/support", "@acme/support/v1", "@acme/support/v1/content.md", "@other"] {
                let time = try await mount.status(name).st_mtim
                #expect((earliest...latest).contains(time.tv_sec), "\(name)")
                _ = try await mount.bash("ls -lR >/dev/null; cat @acme/support/v1/*")
                let again = try await mount.status(name).st_mtim
                #expect(again.tv_sec == time.tv_sec && again.tv_nsec == time.tv_nsec, "\(name)")
            }
        }
    }

    @Test func `a draft's time is when its text last changed`() async throws {
        try await MountFixture.with(Self.library, options: ["draft_ttl=50ms"]) { mount async throws in
            let name = "@acme/support/v0/content.md"
            #expect(try await mount.status(name).st_mtim.tv_sec == Int(Workspace.epoch / 1000))
            let before = Int(Date().timeIntervalSince1970)
            mount.emulator.update { $0["acme", "support"]?.draft = .init("another") }
            try await mount.waitUntil("the draft is the old one still") { () async throws in
                try await mount.text(name) == "another"
            }
            let changed = try await mount.status(name).st_mtim
            #expect((before...Int(Date().timeIntervalSince1970)).contains(changed.tv_sec))
            let asked = mount.emulator.requests.total
            try await mount.waitUntil("the draft is not renewed") { () async throws in
                _ = try await mount.status(name)
                return mount.emulator.requests.total > asked
            }
            let again = try await mount.status(name).st_mtim
            #expect(again.tv_sec == changed.tv_sec && again.tv_nsec == changed.tv_nsec)
        }
    }

    @Test func `statfs tells how many prompts there are, and how long names may be`() async throws {
        try await MountFixture.with { mount async throws in
            #expect(try await mount.output(of: "stat -f -c '%c %l %S %T' .") == "12 255 4096 fuseblk\n")
            let lines = try await mount.output(of: "df --output=fstype,itotal,iavail .").split(separator: "\n")
            #expect(lines.last?.split(separator: " ") == ["fuse.claro", "12", "0"])
            #expect(mount.emulator.requests.total == 1)
        }
    }
}
