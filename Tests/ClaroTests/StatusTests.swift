import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `claro status`.
struct StatusTests {
    @Test func `it tells what a mount has, what it cost, and whom it was spent for`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                try await mount.output(
                    of: "cat @acme/customer-support/v1/content.md @alice/code-reviewer/v1/content.md"
                )
                try await mount.output(of: "grep -c . @handbook/meeting-minutes/v1/content.md")
                let sent = fixture.emulator.requests.total

                let status = try await fixture.run(["status", mount.path])
                #expect(status.status == 0)
                #expect(status.lines[0] == "\(mount.path)  \(fixture.emulator.url)  well")
                #expect(status.lines[1].hasPrefix("  listing   12 prompts in 3 namespaces, fresh for "))
                let left = 1000 - sent
                let hour = 10_000 - sent
                let budget = "\(left) left this minute, \(hour) this hour; sent \(sent) this hour"
                #expect(status.lines[2] == "  requests  \(budget); 0 in flight; breaker closed")
                #expect(status.lines[3] == "  spent by  cat 2, grep 1, mount.claro 1")
                #expect(status.lines[4].contains(" of 1G; hits: "))
                #expect(status.lines.count == 5)
                #expect(fixture.emulator.requests.total == sent)
            }
        }
    }

    @Test func `as JSON it has the mount's own report`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                let status = try await fixture.run(["status", "--json", mount.path]).json()
                let only = try #require((status["mounts"] as? [[String: Any]])?.first)
                #expect(only["path"] as? String == mount.path)
                #expect(only["source"] as? String == fixture.emulator.url)
                #expect(only["state"] as? String == "ok")
                let report = try #require(only["report"] as? [String: Any])
                #expect(report["pid"] as? Int32 == mount.daemon.processIdentifier)
                let api = try #require(report["api"] as? [String: Any])
                #expect(api["requestsByProcess"] as? [String: Int] == ["mount.claro": 1])
                #expect(api["minute"] as? [String: Int] == ["sent": 1, "left": 999])
                #expect(api["hour"] as? [String: Int] == ["sent": 1, "left": 9999])
            }
        }
    }

    @Test func `what is served stale is told with the reason`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted(options: ["ttl=0"]) { mount async throws in
                fixture.emulator.inject(.status(503), on: .listPrompts)
                try await mount.output(of: "ls")
                let status = try await fixture.run(["status", mount.path])
                #expect(status.status == 1)
                #expect(status.lines[0].hasSuffix("serves what it has, and could not renew all of it"))
                let stale = "  stale     the listing: listing prompts, page 1 failed: 503"
                #expect(status.lines.last?.hasPrefix(stale) == true)
            }
        }
    }

    @Test func `a mount that hangs is reported as that within seconds`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                mount.daemon.signal(SIGSTOP)
                let start = ContinuousClock.now
                let status = try await fixture.run(["status", "--json", mount.path])
                #expect(start.duration(to: .now) < .seconds(20))
                #expect(status.status == 1)
                let only = try #require((try status.json()["mounts"] as? [[String: Any]])?.first)
                #expect(only["state"] as? String == "hung")
                // A directory in it is not looked at either.
                let inside = try await fixture.run(["status", "\(mount.path)/@acme/customer-support"])
                #expect(inside.lines.count == 1)
                #expect(inside.lines[0].contains("hangs: find out why"))
                mount.daemon.signal(SIGCONT)
            }
        }
    }

    @Test func `what is no mount is an error that says what to do`() async throws {
        try await ClaroFixture.with { fixture async throws in
            for path in [fixture.scratch.path, fixture.scratch.path + "/none"] {
                let status = try await fixture.run(["status", path])
                #expect(status.status == 2)
                let message = "claro: \(path) is not in a mounted Claro library: `claro status` lists those\n"
                #expect(status.errors == message)
            }
        }
    }

    @Test func `wrong arguments are one line on standard error, and exit code 2`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.run(["status", "--colour"])
            #expect(output.status == 2)
            #expect(output.text == "")
            #expect(output.errors == "claro: Unknown option '--colour' (see `claro --help`)\n")
        }
    }
}
