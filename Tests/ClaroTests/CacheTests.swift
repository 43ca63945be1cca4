import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `claro cache`.
struct CacheTests {
    @Test func `info counts what is stored`() async throws {
        try await ClaroFixture.with { fixture async throws in
            #expect(try await fixture.cache("info").text == "\(fixture.cache)  empty\n")
            _ = try await fixture.output("warm", "@acme")
            _ = try await fixture.output("cat", "@acme/customer-support:v0")
            let info = try await fixture.cache("info", "--json").json()
            #expect(info["directory"] as? String == fixture.cache)
            let library = try #require((info["libraries"] as? [[String: Any]])?.first)
            #expect(library["prompts"] as? Int == 12)
            #expect(library["versions"] as? Int == 6)
            #expect(library["drafts"] as? Int == 1)
            #expect(library["attachments"] as? Int == 5)
            let lines = try await fixture.cache("info").lines
            #expect(lines[0].hasPrefix("\(fixture.cache)/"))
            #expect(lines[1] == "  12 prompts listed, 6 versions, 1 drafts, 5 attachments")
        }
    }

    @Test func `verify finds a flipped byte, removes what has it, and it is fetched again`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("warm", "@acme/customer-support:v2")
            let sound = try await fixture.cache("verify")
            #expect(sound.status == 0)
            #expect(sound.text == "2 sound, 0 damaged\n")

            let script = """
                cd \(fixture.cache)/*/
                for file in $(ls | grep -E '^[0-9a-f]{64}$'); do
                    printf X | dd of=$file bs=1 seek=100 conv=notrunc status=none
                done
                """
            let damage = try await ChildProcess.run(["bash", "-c", script])
            #expect(damage.status == 0, "\(damage.errors)")
            let damaged = try await fixture.cache("verify")
            #expect(damaged.status == 1)
            #expect(damaged.text == "1 sound, 1 damaged\n")
            #expect(
                damaged.errors.wholeMatch(of: /claro: the attachment [0-9a-f]{64} was damaged, and is removed\n/) != nil
            )
            #expect(try await fixture.cache("verify").text == "1 sound, 0 damaged\n")
            let again = try await fixture.requestCount { () async throws in
                _ = try await fixture.output("warm", "@acme/customer-support:v2")
            }
            #expect(again == 2)
        }
    }

    @Test func `clear empties the store under a mount, which goes on`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                let line =
                    "stat -c %i @acme/customer-support/v2/content.md; cat @acme/customer-support/v2/context/*.pdf | sha256sum"
                let before = try await mount.output(of: line)
                let cleared = try await fixture.cache("clear", "--json")
                #expect(cleared.status == 0)
                #expect(try cleared.json()["freedBytes"] as? Int ?? -1 >= 0)
                #expect(try await mount.output(of: line) == before)
                #expect(
                    try await fixture.cache("info").lines[1]
                        == "  0 prompts listed, 0 versions, 0 drafts, 0 attachments"
                )
            }
            // Numbers stay over it.
            try await fixture.mounted { mount async throws in
                try await mount.output(of: "cat @acme/customer-support/v2/content.md")
            }
            #expect(fixture.emulator.requests.count(of: .getPrompt) == 2)
        }
    }

    @Test func `another user's cache is refused`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try fixture.scratch.makeDirectory("open")
            let mode = try await ChildProcess.run(["chmod", "755", "\(fixture.scratch.path)/open"])
            #expect(mode.status == 0)
            let output = try await fixture.run(["cache", "info", "-o", "cache=\(fixture.scratch.path)/open"])
            #expect(output.status == 2)
            #expect(output.errors.contains("chmod 700 it, or choose another with -o cache=DIR"))
        }
    }
}

extension ClaroFixture {
    fileprivate func cache(_ subcommand: String, _ words: String...) async throws -> ChildProcess.Output {
        try await run(["cache", subcommand, "--source", emulator.url, "-o", "cache=\(cache)"] + words)
    }
}
