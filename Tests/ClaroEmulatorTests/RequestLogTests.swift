import ClaroEmulator
import Testing

struct RequestLogTests {
    @Test func `every request is counted by its operation, with what it asked for`() async throws {
        try await withEmulator(small) { emulator, client in
            _ = try await client.getPrompt("@acme/support:v1")
            _ = try await client.getPrompt("@acme/support:v9")
            _ = try await client.get("/v1/prompts")
            _ = try await client.download("ctx_a", headers: ["Range": "bytes=0-1"])
            _ = try await WireClient(client.url, key: nil).get("/nowhere")
            let log = emulator.requests
            #expect(log.total == 6)
            #expect(log.count(of: .getPrompt) == 2)
            #expect(log.count(of: .listPrompts) == 1)
            #expect(log.count(of: .downloadURL) == 1)
            #expect(log.count(of: .storage) == 1)
            #expect(log.count(of: .unknown) == 1)
            #expect(log.count(of: .health) == 0)
            #expect(log.entries.map(\.status) == [200, 404, 200, 200, 206, 404])
            let subjects = ["@acme/support:v1", "@acme/support:v9", nil, "ctx_a", "ctx_a", nil]
            #expect(log.entries.map(\.subject) == subjects)
            #expect(log.entries.map(\.range) == [nil, nil, nil, nil, "bytes=0-1", nil])
            #expect(log.entries.map(\.hasAuthorization) == [true, true, true, true, false, false])
            #expect(Set(log.entries.map(\.requestID)).count == 6)
            log.removeAll()
            #expect(log.total == 0)
        }
    }

    @Test func `a request counts from its arrival, and an emptied log stays empty of it`() async throws {
        try await withEmulator(small) { emulator, client in
            emulator.inject(.hang, on: .getPrompt)
            async let reply = client.getPrompt("@acme/support:v1")
            await emulator.requests.wait(for: 1, of: .getPrompt)
            #expect(emulator.requests.entries.first?.status == nil)
            emulator.requests.removeAll()
            _ = try await client.get("/health")
            emulator.clearFaults()
            let status = try await reply.status
            #expect(status == 200)
            #expect(emulator.requests.entries.map(\.operation) == [.health])
            #expect(emulator.requests.entries.map(\.status) == [200])
        }
    }
}
