import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `claro warm`.
struct WarmTests {
    @Test func `a mount without a network then has the newest of everything`() async throws {
        try await ClaroFixture.with { fixture async throws in
            #expect(try await fixture.output("warm") == "12 versions fetched, 0 were there; 18 requests\n")
            await fixture.emulator.stop()
            try await fixture.mounted { mount async throws in
                let files = try await mount.output(
                    of: "cat @*/*/latest/*.* > /dev/null && ls @*/*/latest/context/* | wc -l"
                )
                #expect(files == "7\n")
                try await mount.output(of: "cat @*/*/latest/context/* > /dev/null")
            }
        }
    }

    @Test func `what is there costs nothing again`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("warm", "@acme/customer-support:v1", "@acme/customer-support:v2")
            #expect(fixture.emulator.requests.count(of: .getPrompt) == 2)
            #expect(fixture.emulator.requests.count(of: .listPrompts) == 0)
            let again = try await fixture.requestCount { () async throws in
                let output = try await fixture.output("warm", "@acme/customer-support:v1", "@acme/customer-support:v2")
                #expect(output == "0 versions fetched, 2 were there; 0 requests\n")
            }
            #expect(again == 0)
        }
    }

    @Test func `a mount's fetches are not repeated, and warming goes on where it was interrupted`() async throws {
        try await ClaroFixture.with { fixture async throws in
            fixture.emulator.latency = .milliseconds(50)
            let first = try await ChildProcess.start(
                [
                    try ClaroFixture.program("claro"), "warm", "--source", fixture.emulator.url, "-o",
                    "cache=\(fixture.cache)",
                ],
                environment: ["BAYT_API_KEY": ClaroFixture.key]
            )
            await fixture.emulator.requests.wait(for: 6, of: .getPrompt)
            first.signal(SIGKILL)
            _ = try await first.end()
            fixture.emulator.latency = .zero
            let second = try await fixture.claro("warm", "--json").json()
            #expect((second["present"] as? Int ?? 0) + (second["fetched"] as? Int ?? 0) == 12)
            // Those that were under way when it was killed are asked for once more.
            let posts = fixture.emulator.requests.count(of: .getPrompt)
            #expect((12...18).contains(posts))
        }
    }

    @Test func `all versions, a namespace, or texts alone`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let texts = try await fixture.claro("warm", "--json", "--no-attachments", "@acme").json()
            #expect(texts["versions"] as? Int == 6)
            #expect(fixture.emulator.requests.count(of: .storage) == 0)
            let all = try await fixture.claro("warm", "--json", "--all-versions", "@acme/release-notes").json()
            #expect(all["versions"] as? Int == 3)
            #expect(all["present"] as? Int == 0)
            #expect(all["requests"] as? Int == 4)
        }
    }

    @Test func `a quarter of the budget stays for others`() async throws {
        var configuration = Emulator.Configuration()
        configuration.rateLimits = .init(perMinute: 16, perHour: 10_000)
        try await ClaroFixture.with(configuration: configuration) { fixture async throws in
            let warming = try await ChildProcess.start(
                [
                    try ClaroFixture.program("claro"), "warm", "--source", fixture.emulator.url, "-o",
                    "cache=\(fixture.cache)",
                ],
                environment: ["BAYT_API_KEY": ClaroFixture.key]
            )
            await fixture.emulator.requests.wait(for: 12)
            // Interactive work goes on at once.
            let text = try await fixture.claro("cat", "@acme/customer-support:v1")
            #expect(text.status == 0)
            warming.signal(SIGKILL)
            _ = try await warming.end()
            #expect(fixture.emulator.requests.entries.allSatisfy { $0.status != 429 })
        }
    }

    @Test func `what cannot be had is named, and the rest is fetched`() async throws {
        try await ClaroFixture.with { fixture async throws in
            fixture.emulator.inject(.garbage, on: .operation(.getPrompt, subject: "@alice/code-reviewer:v2"))
            let output = try await fixture.claro("warm", "@alice")
            #expect(output.status == 1)
            #expect(output.text == "2 versions fetched, 0 were there; 4 requests\n")
            #expect(
                output.errors.hasPrefix(
                    "claro: @alice/code-reviewer:v2 cannot be had: getting @alice/code-reviewer:v2 failed"
                )
            )
            #expect(output.errors.split(separator: "\n").count == 1)
        }
    }

    @Test func `an outage ends it, and says to run it again`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("ls")
            await fixture.emulator.stop()
            let output = try await fixture.claro("warm")
            #expect(output.status == 3)
            #expect(output.errors.hasSuffix(": check address and network: run it again to go on\n"))
        }
    }

    @Test func `without a cache there is nothing to warm`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.claro("warm", "-o", "cache=none")
            #expect(output.status == 2)
            #expect(output.errors == "claro: with cache=none there is no place to keep anything in\n")
        }
    }
}
