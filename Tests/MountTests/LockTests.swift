import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// The option `lock`.
struct LockTests {
    private static let texts = Workspace([
        .init("acme", [.init("support", versions: [.init("One."), .init("Two.", system: "Kind."), .init("Three.")])]),
        .init("alice", [.init("other", versions: [.init("Other.")])]),
    ])

    @Test func `a locked mount has the locked versions and nothing else, and asks for no listing`() async throws {
        try await LockFixture.with(Self.texts, locked: "v2") { mount async throws in
            #expect(
                try await mount.output(of: "echo * */* */*/*")
                    == "@acme @acme/support @acme/support/latest @acme/support/v2\n"
            )
            #expect(try await mount.target(of: "@acme/support/latest") == "v2")
            #expect(try await mount.text("@acme/support/latest/system.md") == "Kind.")
            for name in ["v0", "v1", "v3", "v2,company=Acme"] {
                #expect(try await mount.lookupError("@acme/support/\(name)") == .ENOENT)
            }
            #expect(try await mount.lookupError("@alice/other") == .ENOENT)
            #expect(try await mount.lookupError("@bob/else") == .ENOENT)
            #expect(mount.emulator.requests.entries.map(\.subject) == ["@acme/support:v2"])
        }
    }

    @Test func `a text that is not the one that was locked is EIO, and is not kept`() async throws {
        try await LockFixture.with(
            Self.texts,
            locked: "v2",
            changing: { $0["acme", "support"]?.versions[1].content = "2" }
        ) { mount async throws in
            #expect(try await mount.readError("@acme/support/v2/content.md") == .EIO)
            mount.emulator.update { $0["acme", "support"]?.versions[1].content = "Two." }
            #expect(try await mount.text("@acme/support/v2/content.md") == "Two.")
        }
    }

    @Test func `a lock file that is none is an error at the start`() async throws {
        try await ScratchDirectory.with { scratch in
            let emulator = try await Emulator.start(Self.texts)
            let file = try scratch.write("{}".utf8, to: "claro.lock")
            do {
                _ = try await MountFixture.start(emulator, in: scratch, options: ["lock=\(file)"])
                Issue.record("it is mounted")
            } catch let error as MountFixture.MountError {
                #expect(error.description.contains("ended with 1: mount.claro: reading the lock file \(file) failed: "))
            }
            await emulator.stop()
        }
    }
}

private enum LockFixture {
    /// Locks one version of `@acme/support` as a plain mount shows it, and mounts that alone.
    static func with(
        _ workspace: Workspace,
        locked version: String,
        changing change: (@Sendable (inout Workspace) -> Void)? = nil,
        _ body: (MountFixture) async throws -> Void
    ) async throws {
        try await MountFixture.places.take {
            let emulator = try await Emulator.start(workspace)
            try await ScratchDirectory.with { scratch in
                let plain = try await MountFixture.start(emulator, in: scratch, options: ["cache=none"])
                var hash = ""
                try await plain.run { mount async throws in
                    let line = "cd @acme/support/\(version) && LC_ALL=C; sha256sum *.md | sha256sum | cut -d' ' -f1"
                    hash = String(try await mount.output(of: line).dropLast())
                }
                let entry = "{\"@acme/support\": {\"version\": \"\(version)\", \"sha256\": \"\(hash)\"}}"
                let file = try scratch.write("{\"version\": 1, \"prompts\": \(entry)}".utf8, to: "claro.lock")
                if let change { emulator.update(change) }
                emulator.requests.removeAll()
                let locked = try await MountFixture.start(emulator, in: scratch, options: ["lock=\(file)"])
                try await locked.run(body)
            }
            await emulator.stop()
        }
    }
}
