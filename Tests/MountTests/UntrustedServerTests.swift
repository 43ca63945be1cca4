import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Servers that are not reached because of their name or their certificate, while the mount is there.
struct UntrustedServerTests {
    static let library: Workspace = [
        "acme": [.init("support", versions: [.init("one"), .init("two")], draft: .init("draft"))]
    ]

    @Test func `a server that is not trusted any more is EIO, and what was read stays, marked`() async throws {
        let emulator = try await Emulator.start(Self.library)
        let trusted = try await offPool { try TLSFront(to: emulator) }
        let options = ["cafile=\(trusted.caFile)", "draft_ttl=0", "ttl=0"]
        try await MountFixture.with(serving: emulator, source: trusted.url, options: options) { mount async throws in
            #expect(try await mount.text("@acme/support/v0/content.md") == "draft")
            #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            emulator.update { $0["acme", "support"]?.draft = .init("changed") }
            let requests = emulator.requests.total

            // Another one at the same place, with a certificate of its own authority.
            let stranger = try await offPool {
                trusted.stop()
                return try TLSFront(to: emulator, port: trusted.port)
            }
            #expect(try await mount.text("@acme/support/v0/content.md") == "draft")
            #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            #expect(try await mount.readError("@acme/support/v2/content.md") == .EIO)
            #expect(try await mount.names("@acme") == ["support"])
            #expect(try await mount.stale().keys.sorted() == ["@acme/support:v0", "the listing"])
            #expect(emulator.requests.total == requests)
            try await offPool { stranger.stop() }
        }
        await emulator.stop()
    }

    @Test func `a host without an address is EHOSTUNREACH`() async throws {
        let emulator = try await Emulator.start(Self.library)
        let source = "https://no-such-host.invalid"
        try await MountFixture.with(serving: emulator, source: source, options: ["lazy"]) { mount async throws in
            #expect(try await mount.readError("@acme/support/v1/content.md") == .EHOSTUNREACH)
            #expect(try await errorCode { _ = try await mount.names(".") } == .EHOSTUNREACH)
            _ = try await mount.status(".")
        }
        await emulator.stop()
    }
}
