import ClaroEmulator
import Foundation
import Testing

/// The built `claro-emulator`, as a child process.
struct CommandTests {
    @Test func `it says where it serves a directory, logs each request, and ends at SIGTERM`() async throws {
        try await withTemporaryDirectory { directory in
            let namespace = directory.appending(path: "@me")
            try FileManager.default.createDirectory(at: namespace, withIntermediateDirectories: true)
            try Data("Hello".utf8).write(to: namespace.appending(path: "note.md"))
            let arguments = [directory.path, "-v", "--key", "sk_mine", "--fault", "list:503"]
            let child = try await onThread { try PipedProcess(Self.program, arguments) }
            let line = await blocking { child.readLine() }
            let match = try #require(
                line.wholeMatch(
                    of: /Serving (.+) at (http:\S+) – mount it: BAYT_API_KEY=sk_mine mount\.claro (\S+) MOUNTPOINT/
                )
            )
            #expect(match.1 == directory.path)
            #expect(match.2 == match.3)
            let client = WireClient(String(match.2), key: "sk_mine")
            #expect(try await client.getPrompt("@me/note:v1").json["content"]?.string == "Hello")
            #expect(try await client.get("/v1/prompts").status == 503)
            child.terminate()
            let (rest, status) = await blocking { (child.readOutput(), child.wait()) }
            #expect(status == 0)
            let lines = String(decoding: rest, as: UTF8.self).split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines.first?.hasPrefix("200 getPrompt @me/note:v1 ") == true)
            #expect(lines.last?.hasPrefix("503 listPrompts /v1/prompts ") == true)
        }
    }

    @Test func `it generates a library, and tells a limit of one's choice`() async throws {
        let child = try await onThread {
            try PipedProcess(Self.program, ["--prompts", "3", "--versions", "2", "--requests-per-minute", "9000"])
        }
        let line = await blocking { child.readLine() }
        let url = try #require(line.firstMatch(of: /http:[^ ]+/)).output
        let client = WireClient(String(url), key: "sk_any")
        let version = try await client.getPrompt("@library/prompt-00002:v2")
        #expect(version.header("X-RateLimit-Limit") == "9000")
        #expect(try version.json["content"]?.string?.utf8.count == 4_096)
        let large = try await client.getPrompt("@large/one-gibibyte:v1")
        #expect(try large.json["context"]?.elements.first?["fileSize"]?.integer == 1 << 30)
        child.terminate()
        #expect(await blocking { child.wait() } == 0)
    }

    @Test(arguments: [
        ["/no/such/directory"], ["--fault", "nonsense"], ["--latency", "-5"], ["--unknown"], ["--prompts", "0"],
        ["--prompts", "1", "/"], ["--requests-per-minute", "0"],
    ])
    func `it refuses what it does not understand`(arguments: [String]) async throws {
        let result = try await runChild(Self.program, arguments)
        #expect(result.status == 64)
        #expect(result.output.hasPrefix("Error: "))
    }

    /// Beside the test bundle, where the package's products are built.
    private static let program = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().appending(path: "claro-emulator").path

    private func blocking<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }
}
