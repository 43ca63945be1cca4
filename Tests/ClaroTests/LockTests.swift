import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `claro lock` and `claro verify`.
struct LockTests {
    @Test func `a lock names the newest version and the hash that sha256sum prints`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.output("lock", "@acme/customer-support", "@alice/code-reviewer:v1")
            #expect(
                output == """
                    @acme/customer-support:v2
                    @alice/code-reviewer:v1
                    2 changed, 2 locked in claro.lock

                    """
            )
            try await fixture.mounted { mount async throws in
                func hash(_ version: String) async throws -> String {
                    let line = "cd \(version) && LC_ALL=C; sha256sum *.md | sha256sum | cut -d' ' -f1"
                    return String(try await mount.output(of: line).dropLast())
                }
                let expected = """
                    {
                      "prompts": {
                        "@acme/customer-support": {
                          "sha256": "\(try await hash("@acme/customer-support/v2"))",
                          "version": "v2"
                        },
                        "@alice/code-reviewer": {
                          "sha256": "\(try await hash("@alice/code-reviewer/v1"))",
                          "version": "v1"
                        }
                      },
                      "version": 1
                    }

                    """
                #expect(try fixture.lockFile() == expected)
            }
        }
    }

    @Test func `verifying what is stored costs nothing`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("lock", "@alice")
            let count = try await fixture.requestCount { () async throws in
                #expect(try await fixture.output("verify") == "2 of 2 as locked\n")
            }
            #expect(count == 0)
        }
    }

    @Test func `texts that differ and versions that are gone are findings`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("lock", "@alice")
            fixture.emulator.update { workspace in
                workspace["alice", "code-reviewer"]?.versions[1].content = "Something else."
                workspace["alice", "commit-message"] = nil
            }
            _ = try await fixture.run(["cache", "clear", "-o", "cache=\(fixture.cache)"])
            let output = try await fixture.claro("verify")
            #expect(output.status == 1)
            #expect(output.text == "0 of 2 as locked\n")
            let lines = output.errors.split(separator: "\n")
            #expect(lines.first == "claro: @alice/code-reviewer:v2: its texts are not those that were locked")
            #expect(lines.last?.hasPrefix("claro: @alice/commit-message:") == true)
            #expect(lines.last?.hasSuffix(": it is gone") == true)
        }
    }

    @Test func `without names what is locked is renewed`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("lock", "@alice/code-reviewer:v1")
            let renewed = try await fixture.output("lock")
            #expect(renewed == "@alice/code-reviewer:v2\n1 changed, 1 locked in claro.lock\n")
            #expect(try await fixture.output("lock") == "0 changed, 1 locked in claro.lock\n")
        }
    }

    @Test func `a draft cannot be locked`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.claro("lock", "@alice/sql-explainer")
            #expect(output.status == 1)
            #expect(output.errors == "claro: @alice/sql-explainer is not published, and cannot be locked\n")
        }
    }

    @Test func `without a file everything that is listed is locked`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.claro("lock", "--json")
            #expect(output.status == 0, "\(output.errors)")
            #expect(try output.json()["prompts"] as? Int == 11)
        }
    }

    @Test func `a file that is none is an error that says what to do`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let missing = try await fixture.claro("verify")
            #expect(missing.status == 2)
            let reason = "No such file or directory: `claro lock` writes one"
            #expect(missing.errors == "claro: reading the lock file claro.lock failed: \(reason)\n")
            _ = try fixture.scratch.write("{\"prompts\":{\"x\":1},\"version\":1}".utf8, to: "claro.lock")
            let broken = try await fixture.claro("verify")
            #expect(broken.status == 2)
            let cause = "its entry of x is not a version and a hash"
            #expect(broken.errors == "claro: reading the lock file claro.lock failed: \(cause)\n")
        }
    }

    @Test func `a mount with the lock has exactly that, offline as well`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("lock", "@acme/customer-support:v1", "@alice/code-reviewer")
            await fixture.emulator.stop()
            try await fixture.mounted(options: ["lock=\(fixture.scratch.path)/claro.lock"]) { mount async throws in
                #expect(
                    try await mount.output(of: "echo @*/*/*")
                        == "@acme/customer-support/latest @acme/customer-support/v1 @alice/code-reviewer/latest @alice/code-reviewer/v2\n"
                )
                #expect(
                    try await mount.output(of: "cat @acme/customer-support/latest/system.md")
                        == "Be professional, courteous and helpful."
                )
            }
        }
    }
}

extension ClaroFixture {
    fileprivate func lockFile() throws -> String {
        try String(contentsOfFile: "\(scratch.path)/claro.lock", encoding: .utf8)
    }
}
