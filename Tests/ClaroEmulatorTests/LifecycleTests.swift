import ClaroEmulator
import Foundation
import Testing

struct LifecycleTests {
    @Test func `a stopped emulator refuses connections and comes back on the same ports`() async throws {
        try await withEmulator(small) { emulator, client in
            let urls = [emulator.url, emulator.storageURL]
            #expect(try await client.getPrompt("@acme/support:v1").status == 200)
            for _ in 0..<3 {
                await emulator.stop()
                await #expect(throws: POSIXError(.ECONNREFUSED)) { try await client.getPrompt("@acme/support:v1") }
                try await emulator.restart()
                #expect(try await client.getPrompt("@acme/support:v1").status == 200)
                #expect(try await client.download("ctx_a").text == "0123456789")
            }
            #expect([emulator.url, emulator.storageURL] == urls)
        }
    }

    @Test func `stopping ends what hangs`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.hang)
            async let reply = client.getPrompt("@acme/support:v1")
            await emulator.requests.wait(for: 1)
            await emulator.stop()
            let status = try await reply.status
            #expect(status == nil)
        }
    }

    @Test func `a port can be chosen`() async throws {
        let first = try await Emulator.start(small)
        let port = try #require(first.url.split(separator: ":").last.flatMap { UInt16($0) })
        await #expect(throws: (any Error).self) { try await Emulator.start(small, port: port) }
        await first.stop()
    }

    @Test func `two hundred slow requests are under way at once`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.hang, on: .operation(.getPrompt, subject: "@acme/support:v1"))
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await client.getPrompt("@acme/support:v1").status }
                }
                await emulator.requests.wait(for: 200)
                #expect(try await client.getPrompt("@acme/support:v2").status == 200)
                emulator.clearFaults()
                for try await status in group { #expect(status == 200) }
            }
            #expect(emulator.requests.total == 201)
        }
    }

    @Test func `latency is added to every request`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.latency = .milliseconds(120)
            let duration = try await ContinuousClock().measure { _ = try await client.get("/health") }
            #expect(duration >= .milliseconds(120))
        }
    }

    @Test func `sixty-four clients at once get what they asked for`() async throws {
        let workspace = Workspace.generated(prompts: 64, versions: 2, textByteCount: 4_096)
        try await withEmulator(workspace) { emulator, client in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for prompt in workspace.namespaces[0].prompts {
                    group.addTask {
                        for number in 1...2 {
                            let object = try await client.getPrompt("@load-0/\(prompt.slug):v\(number)").json
                            guard object["content"]?.string == prompt.versions[number - 1].content else { return false }
                        }
                        return true
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(emulator.requests.count(of: .getPrompt) == 128)
        }
    }
}
