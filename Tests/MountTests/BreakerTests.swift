import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What is served, and what fails at once, while the API is out of reach; and how long that lasts.
struct BreakerTests {
    static let library: Workspace = [
        "acme": ["one", "two", "three", "four"].map { .init($0, versions: [.init("text of \($0)")]) }
    ]

    @Test func `a refused connection has all else fail without a request, until it is over`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            #expect(try await mount.text("@acme/one/v1/content.md") == "text of one")
            await mount.emulator.stop()
            #expect(try await mount.readError("@acme/two/v1/content.md") == .EHOSTUNREACH)
            try await mount.emulator.restart()
            mount.emulator.requests.removeAll()
            #expect(try await mount.readError("@acme/three/v1/content.md") == .EHOSTUNREACH)
            #expect(mount.emulator.requests.total == 0)
            #expect(try await mount.text("@acme/one/v1/content.md") == "text of one")
            try await eventually { try await mount.readError("@acme/three/v1/content.md") == nil }
            #expect(try await mount.text("@acme/two/v1/content.md") == "text of two")
        }
    }

    @Test func `three prompts that fail are an outage`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.status(500), on: .getPrompt)
            for prompt in ["one", "two", "three"] {
                #expect(try await mount.readError("@acme/\(prompt)/v1/content.md") == .EIO)
            }
            #expect(mount.emulator.requests.count(of: .getPrompt) == 3)
            #expect(try await mount.readError("@acme/four/v1/content.md") == .EIO)
            #expect(mount.emulator.requests.count(of: .getPrompt) == 3)
            let api = try #require(try await mount.report()["api"] as? [String: Any])
            #expect((api["breaker"] as? String)?.hasPrefix("open for ") == true)
            // What was held back has no line of its own.
            #expect(mount.daemon.standardError.matches(of: /failed/).count == 1)
            mount.emulator.clearFaults()
            try await eventually { try await mount.readError("@acme/four/v1/content.md") == nil }
            #expect(mount.emulator.requests.count(of: .getPrompt) == 4)
        }
    }

    @Test func `one prompt that fails is no outage`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.status(500), on: .operation(.getPrompt, subject: "@acme/one"))
            for _ in 0..<5 { #expect(try await mount.readError("@acme/one/v1/content.md") == .EIO) }
            #expect(mount.emulator.requests.count(of: .getPrompt) == 5)
            #expect(try await mount.text("@acme/two/v1/content.md") == "text of two")
        }
    }

    @Test func `a 429 that ends within the deadline is waited for`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.rateLimit(retryAfter: 1), on: .getPrompt, times: 1)
            #expect(try await mount.text("@acme/one/v1/content.md") == "text of one")
            #expect(mount.emulator.requests.count(of: .getPrompt) == 2)
        }
    }

    @Test func `a 503 that ends is tried again`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.status(503), on: .getPrompt, times: 2)
            #expect(try await mount.text("@acme/one/v1/content.md") == "text of one")
            #expect(mount.emulator.requests.count(of: .getPrompt) == 3)
        }
    }

    @Test func `a key that was changed in its file is read again after a 401`() async throws {
        let configuration = Emulator.Configuration { $0.keys = .only(["sk_old", "sk_listing"]) }
        let emulator = try await Emulator.start(Self.library, configuration: configuration)
        try await ScratchDirectory.with { directory in
            let file = try directory.write("sk_old\n".utf8, to: "key")
            let options = ["credentials=\(file)"]
            try await MountFixture.with(serving: emulator, options: options, environment: [:]) { mount async throws in
                emulator.configuration.keys = .only(["sk_new"])
                #expect(try await mount.readError("@acme/one/v1/content.md") == .EACCES)
                _ = try directory.write("sk_new\n".utf8, to: "key")
                #expect(try await mount.text("@acme/one/v1/content.md") == "text of one")
            }
        }
        await emulator.stop()
    }

    @Test func `a cause is logged once, with name, status and request id`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.status(500), on: .operation(.getPrompt, subject: "@acme/one"))
            for _ in 0..<3 { #expect(try await mount.readError("@acme/one/v1/content.md") == .EIO) }
            #expect(await mount.daemon.waitForError("getting @acme/one:v1 failed: 500"))
            // Another cause, to know that the lines before it have arrived.
            mount.emulator.inject(.garbage, on: .operation(.getPrompt, subject: "@acme/two"))
            #expect(try await mount.readError("@acme/two/v1/content.md") == .EIO)
            #expect(await mount.daemon.waitForError("getting @acme/two:v1 failed"))
            let lines = mount.daemon.standardError.split(separator: "\n")
            let failures = lines.filter { $0.contains("@acme/one:v1") }
            let first = try #require(mount.emulator.requests.entries.first { $0.subject == "@acme/one:v1" })
            #expect(failures.count == 1)
            #expect(failures.first?.hasPrefix("warning: getting @acme/one:v1 failed: 500") == true)
            #expect(failures.first?.contains("request id \(first.requestID)") == true)
        }
    }
}
