import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `claro watch`.
struct WatchTests {
    @Test func `each change of the listing is a line`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let events = try await fixture.watch("ttl=1", until: 4) {
                fixture.emulator.update { workspace in
                    workspace["acme", "new"] = .init("new", versions: [.init("New.")])
                    workspace["alice", "sql-explainer"] = nil
                    workspace["alice", "code-reviewer"]?.versions.append(.init("Third."))
                }
            }
            #expect(
                events == [
                    #"{"event":"watching","prompts":12}"#,
                    #"{"event":"added","prompt":"@acme/new","version":"v1"}"#,
                    #"{"event":"published","prompt":"@alice/code-reviewer","from":"v2","version":"v3"}"#,
                    #"{"event":"removed","prompt":"@alice/sql-explainer"}"#,
                ]
            )
        }
    }

    @Test func `of a prompt that is named, drafts are told, too`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let events = try await fixture.watch("ttl=1,draft_ttl=1", "@acme/customer-support", until: 2) {
                fixture.emulator.update { $0["acme", "customer-support"]?.draft?.content = "Be brief." }
            }
            #expect(events[0] == #"{"event":"watching","prompts":1}"#)
            let pattern = /\{"event":"draft","prompt":"@acme\/customer-support","sha256":"[0-9a-f]{64}"\}/
            #expect(events[1].wholeMatch(of: pattern) != nil)
        }
    }

    @Test func `an outage is told, and its end`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let events = try await fixture.watch("ttl=1", until: 3) {
                fixture.emulator.inject(.status(500), on: .listPrompts, times: 1)
            }
            #expect(events[1].hasPrefix(#"{"event":"stale","why":"the listing: listing prompts, page 1 failed: 500"#))
            #expect(events[2] == #"{"event":"fresh"}"#)
        }
    }

    @Test func `what never changes is not watched`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.claro("watch", "@acme/customer-support:v1")
            #expect(output.status == 2)
            let reason = "what is published never changes"
            #expect(output.errors == "claro: @acme/customer-support:v1 is no prompt: \(reason)\n")
        }
    }
}

extension ClaroFixture {
    /// Watches until there are `count` lines; `change` runs after the first. Times are taken out.
    fileprivate func watch(
        _ options: String,
        _ paths: String...,
        until count: Int,
        _ change: () -> Void
    ) async throws -> [String] {
        let file = try scratch.write([], to: "events")
        let words = [try Self.program("claro"), "watch", "--source", emulator.url, "-o", "cache=\(cache),\(options)"]
        let watching = try await ChildProcess.start(
            ["bash", "-c", "exec \"$@\" > \(file)", "watch"] + words + paths,
            environment: ["BAYT_API_KEY": Self.key, "HOME": scratch.path]
        )
        func lines(_ count: Int) async throws -> [String] {
            let deadline = ContinuousClock.now + .seconds(100)
            while true {
                let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
                if lines.count >= count { return lines }
                try #require(ContinuousClock.now < deadline, "only \(lines); \(watching.standardError)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        _ = try await lines(1)
        change()
        let events = try await lines(count)
        watching.signal(SIGTERM)
        _ = try await watching.end()
        return events.map { $0.replacing(/"at":[0-9]+,/, with: "") }
    }
}
