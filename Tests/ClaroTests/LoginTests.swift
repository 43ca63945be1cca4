import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `claro login`.
struct LoginTests {
    @Test func `a key from standard input is checked, stored for its user alone, and used`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.login(ClaroFixture.key)
            let file = "\(fixture.scratch.path)/.config/claro/credentials"
            #expect(output.status == 0, "\(output.errors)")
            #expect(output.text == "the key is in \(file), readable by you alone\n")
            #expect(output.errors == "")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "\(ClaroFixture.key)\n")
            let modes = try await ChildProcess.run(["stat", "-c", "%a", file, "\(fixture.scratch.path)/.config/claro"])
            #expect(modes.text == "600\n700\n")
            #expect(fixture.emulator.requests.total == 1)
            let listed = try await fixture.claro("ls", key: nil)
            #expect(listed.text == "@acme\n@alice\n@handbook\n")
        }
    }

    @Test func `on a terminal nothing of it is shown`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let script = """
                import os, pty, sys
                pid, terminal = pty.fork()
                if pid == 0:
                    os.execv(sys.argv[1], sys.argv[1:])
                shown = b""
                while b"API key: " not in shown:
                    shown += os.read(terminal, 1024)
                os.write(terminal, os.environ["TYPED"].encode() + b"\\n")
                try:
                    while part := os.read(terminal, 1024):
                        shown += part
                except OSError:
                    pass
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown)
                """
            let file = "\(fixture.scratch.path)/key"
            let output = try await ChildProcess.run(
                [
                    "python3", "-c", script, try ClaroFixture.program("claro"), "login", "--source",
                    fixture.emulator.url, "--file", file,
                ],
                environment: ["TYPED": ClaroFixture.key]
            )
            #expect(output.text.hasPrefix("0 "), "\(output.text) \(output.errors)")
            #expect(output.text.contains("the key is in \(file)"))
            #expect(!output.text.contains(ClaroFixture.key))
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "\(ClaroFixture.key)\n")
        }
    }

    @Test func `a key that is not accepted is not stored, nor one that could not be checked`() async throws {
        var configuration = Emulator.Configuration()
        configuration.keys = .only(["sk_other"])
        try await ClaroFixture.with(configuration: configuration) { fixture async throws in
            let refused = try await fixture.login(ClaroFixture.key)
            #expect(refused.status == 1)
            let hint = "does not take this key, and it is not stored: make one in Claro under API Keys"
            #expect(refused.errors == "claro: \(fixture.emulator.url) \(hint)\n")
            await fixture.emulator.stop()
            let away = try await fixture.login(ClaroFixture.key)
            #expect(away.status == 3)
            #expect(away.errors.hasSuffix(": check address and network: the key is not stored\n"))
            #expect(!FileManager.default.fileExists(atPath: "\(fixture.scratch.path)/.config"))
        }
    }

    @Test(arguments: [
        ("", "it is empty, or has white space or control characters"),
        ("a b", "it is empty, or has white space or control characters"),
    ])
    func `what cannot be a key is refused without a request`(line: String, reason: String) async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.login(line)
            #expect(output.status == 2)
            #expect(output.errors == "claro: what was given is no API key: \(reason)\n")
            #expect(fixture.emulator.requests.total == 0)
        }
    }

    @Test func `a key in the environment that goes before the file is told`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let output = try await fixture.login(ClaroFixture.key, environment: ["BAYT_API_KEY": "sk_x"])
            #expect(output.status == 0)
            let file = "\(fixture.scratch.path)/.config/claro/credentials"
            #expect(output.errors == "claro: $BAYT_API_KEY is set, and goes before the key in \(file)\n")
        }
    }
}

extension ClaroFixture {
    fileprivate func login(_ line: String, environment: [String: String] = [:]) async throws -> ChildProcess.Output {
        try await ChildProcess.run(
            [
                "bash", "-c", "echo \"$LINE\" | \"$0\" login --source \"$1\"", try Self.program("claro"), emulator.url,
            ],
            environment: ["HOME": scratch.path, "LINE": line].merging(environment) { $1 }
        )
    }
}
