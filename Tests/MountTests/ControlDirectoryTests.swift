import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `.claro`, where the mount tells about itself.
struct ControlDirectoryTests {
    @Test func `the status is valid JSON of the size that stat tells, and is not listed at the root`() async throws {
        try await MountFixture.with { mount async throws in
            let line = "set -o pipefail; [ $(stat -c %s .claro/status.json) -gt 2 ] && jq -S . .claro/status.json"
            let status = try await mount.output(of: line)
            #expect(status.contains("\"source\": \"\(mount.emulator.url)\""))
            #expect(status.contains("\"prompts\": 12"))
            // A snapshot is made at each look, so size and bytes are of one only through one descriptor.
            let script =
                "import os; f=os.open('.claro/status.json',0); print(os.fstat(f).st_size-len(os.read(f,1<<20)))"
            #expect(try await mount.output(of: "python3 -c \"\(script)\"") == "0\n")
            #expect(try await mount.names("") == ["@acme", "@alice", "@handbook"])
            #expect(try await mount.names(".claro") == ["metrics", "status.json"])
            #expect(mount.emulator.requests.total == 1)
        }
    }

    @Test func `every look at the status is a new one, and never asks the API`() async throws {
        try await MountFixture.with { mount async throws in
            func prompts() async throws -> String {
                try await mount.output(of: "jq '.api.requests | to_entries | map(.value) | add' .claro/status.json")
            }
            #expect(try await prompts() == "1\n")
            _ = try await mount.read("@acme/customer-support/v1/content.md")
            #expect(try await prompts() == "2\n")
            #expect(mount.emulator.requests.total == 2)
        }
    }

    @Test func `the metrics are Prometheus' text format, and count requests`() async throws {
        try await MountFixture.with { mount async throws in
            _ = try await mount.read("@acme/customer-support/v1/content.md")
            let text = try await mount.text(".claro/metrics")
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                let isComment = line.wholeMatch(of: /# (HELP|TYPE) [a-z_]+ .+/) != nil
                let isSample = line.wholeMatch(of: /[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9]+/) != nil
                #expect(isComment || isSample, "\(line)")
            }
            #expect(text.hasSuffix("\n"))
            #expect(text.contains("claro_api_requests_total{operation=\"getPrompt\",outcome=\"200\"} 1\n"))
            #expect(text.contains("claro_api_requests_total{operation=\"listPrompts\",outcome=\"200\"} 1\n"))
        }
    }
}
