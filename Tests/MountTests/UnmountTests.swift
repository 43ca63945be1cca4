import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// The ways in which a mount ends.
struct UnmountTests {
    static let library: Workspace = ["acme": [.init("support", versions: [.init("one"), .init("two")])]]

    @Test(arguments: ["umount", "fusermount3 -u"])
    func `a mount that is taken down ends its daemon`(command: String) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            let words = command.split(separator: " ").map(String.init) + [mount.path]
            #expect(try await ChildProcess.run(words).status == 0)
            #expect(try await mount.daemon.end().status == 0)
            try await expectNothingLeft(mount)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGQUIT])
    func `a signal to the daemon takes the mount down`(signal: Int32) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            mount.daemon.signal(signal)
            #expect(try await mount.daemon.end().status == 0)
            try await expectNothingLeft(mount)
        }
    }

    @Test func `umount refuses a mount that is in use, and umount -l lets its user finish`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let user = try await ChildProcess.start(
                ["bash", "-c", "exec 3< @acme/support/v1/content.md; echo open >&2; read < ../go; cat <&3"],
                directory: try await makePipe("go", in: mount)
            )
            #expect(await user.waitForError("open"))
            #expect(try await ChildProcess.run(["umount", mount.path]).status == 32)
            #expect(try await ChildProcess.run(["umount", "-l", mount.path]).status == 0)
            #expect(try await !isMounted(mount.path))
            let go = "\(mount.scratch.path)/go"
            try await offPool { try Data("go\n".utf8).write(to: URL(fileURLWithPath: go)) }
            let end = try await user.end()
            #expect(end.text == "one")
            #expect(end.status == 0)
            #expect(try await mount.daemon.end().status == 0)
        }
    }

    /// Makes a named pipe beside the mount; returns the mount's path, to be used as a working directory.
    private func makePipe(_ name: String, in mount: MountFixture) async throws -> String {
        let pipe = "\(mount.scratch.path)/\(name)"
        try await offPool { _ = try check(mkfifo(pipe, 0o600)) }
        return mount.path
    }

    @Test func `two mounts of one library live side by side`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let place = try mount.scratch.makeDirectory("second")
            let second = try await startDaemon(mount, on: place)
            // Answers have a time of their own, which metadata.json shows.
            let comparison = try await ChildProcess.run(["diff", "-r", "-x", "metadata.json", mount.path, place])
            #expect(comparison.status == 0, "\(comparison.text)\(comparison.errors)")
            second.signal(SIGTERM)
            #expect(try await second.end().status == 0)
            #expect(try await mount.text("@acme/support/v2/content.md") == "two")
        }
    }

    @Test func `what the kernel has dropped is not held any more`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            try await mount.output(of: "cat */*/*/content.md; ls -lR")
            let held = try #require(try await mount.metric("claro_inodes"))
            #expect(held > 8)
            // Asking takes one: the directory .claro. The answer is made before its own file is counted.
            try await eventually("only the root and .claro are held") {
                try await offPool { try Data("2".utf8).write(to: URL(fileURLWithPath: "/proc/sys/vm/drop_caches")) }
                return try await mount.metric("claro_inodes") == 2
            }
        }
    }

    private func startDaemon(_ mount: MountFixture, on place: String) async throws -> ChildProcess {
        let daemon = try await ChildProcess.start(
            [
                try MountFixture.program("mount.claro"), mount.emulator.url, place, "--foreground", "-o",
                "cache=\(mount.scratch.path)/cache",
            ],
            environment: ["BAYT_API_KEY": MountFixture.key]
        )
        #expect(await daemon.waitForError("is mounted on"))
        return daemon
    }

    private func expectNothingLeft(_ mount: MountFixture) async throws {
        #expect(try await !isMounted(mount.path))
        #expect(try FileManager.default.contentsOfDirectory(atPath: mount.path) == [])
        #expect(kill(mount.daemon.processIdentifier, 0) == -1 && errno == ESRCH)
    }
}
