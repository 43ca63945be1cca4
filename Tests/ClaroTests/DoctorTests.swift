import ClaroEmulator
import Foundation
import TestSupport
import Testing

@testable import claro

/// `claro doctor`.
struct DoctorTests {
    @Test func `where all is well it says so, at the cost of one request`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let count = try await fixture.requestCount { () async throws in
                let findings = try await fixture.findings()
                #expect(findings["fuse"]?.state == "ok")
                #expect(findings["key"]?.text == "found in $BAYT_API_KEY")
                #expect(
                    findings["api"]?.text.hasPrefix("\(fixture.emulator.url) takes the key, and answers in ") == true
                )
                #expect(findings["cache"]?.state == "ok")
                #expect(findings.values.allSatisfy { $0.state != "problem" })
            }
            #expect(count == 1)
        }
    }

    @Test func `a key that others can read is a problem with a cure`() async throws {
        try await ClaroFixture.with { fixture async throws in
            let file = try fixture.scratch.write("sk_x\n".utf8, to: "key", mode: 0o644)
            let output = try await fixture.claro("doctor", "--json", "-o", "credentials=\(file)", key: nil)
            #expect(output.status == 1)
            let key = try output.findings()["key"]
            #expect(key?.state == "problem")
            #expect(key?.text == "refusing the API key in \(file): others may read it (mode 644); chmod 600 it")
        }
    }

    @Test func `a key that is not accepted, and an API that is away, are problems`() async throws {
        var configuration = Emulator.Configuration()
        configuration.keys = .only(["sk_other"])
        try await ClaroFixture.with(configuration: configuration) { fixture async throws in
            let refused = try await fixture.claro("doctor", "--json")
            #expect(refused.status == 1)
            let text = "does not accept the key in $BAYT_API_KEY: make a new one in Claro under API Keys"
            #expect(try refused.findings()["api"]?.text == "\(fixture.emulator.url) \(text)")
            await fixture.emulator.stop()
            let away = try await fixture.claro("doctor")
            #expect(away.status == 1)
            #expect(
                away.lines.contains { $0.hasPrefix("problem  api        \(fixture.emulator.url) cannot be reached: ") }
            )
        }
    }

    @Test func `a damaged store is a problem`() async throws {
        try await ClaroFixture.with { fixture async throws in
            _ = try await fixture.output("cat", "@acme/customer-support:v1")
            let script = "cd \(fixture.cache)/*/ && rm -f library.sqlite-* && head -c 8192 /dev/zero > library.sqlite"
            #expect(try await ChildProcess.run(["bash", "-c", script]).status == 0)
            let output = try await fixture.claro("doctor", "--json")
            #expect(output.status == 1)
            #expect(output.text.contains("is set aside"))
        }
    }

    @Test func `a mount that hangs is a problem`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                mount.daemon.signal(SIGSTOP)
                let output = try await fixture.claro("doctor")
                #expect(output.status == 1)
                let cure = "`umount -l \(mount.path)`, and mount it anew"
                #expect(output.lines.contains("problem  mount      \(mount.path) does not answer: \(cure)"))
                mount.daemon.signal(SIGCONT)
            }
        }
    }

    @Test(arguments: [
        ("PRUNEFS=\"NFS afs fuse.claro\"", true), ("PRUNEFS = \"fuse.claro\"", true), ("PRUNEFS=\"FUSE.CLARO\"", true),
        ("PRUNEFS=\"NFS fuse.sshfs\"", false), ("# PRUNEFS=\"fuse.claro\"", false),
        ("PRUNEPATHS=\"fuse.claro\"", false),
        ("", false),
    ])
    func `updatedb's configuration is read as updatedb does`(line: String, isPruned: Bool) {
        #expect(SystemCheck.isPruned(by: "PRUNE_BIND_MOUNTS=\"yes\"\n\(line)\n") == isPruned)
    }

    @Test func `a clock that is a minute off is a problem`() {
        #expect(LibraryCheck.clock(.seconds(30)).severity == .ok)
        #expect(LibraryCheck.clock(.seconds(300)).text == "it is 300 s behind the server's")
        #expect(LibraryCheck.clock(.seconds(-300)).text == "it is 300 s ahead of the server's")
        #expect(LibraryCheck.clock(.seconds(-300)).severity == .problem)
    }
}

extension ClaroFixture {
    fileprivate func findings() async throws -> [String: (state: String, text: String)] {
        try await claro("doctor", "--json").findings()
    }
}

extension ChildProcess.Output {
    /// By what was looked at, the worst of each.
    fileprivate func findings() throws -> [String: (state: String, text: String)] {
        let list = try #require(try json()["findings"] as? [[String: Any]])
        var findings: [String: (state: String, text: String)] = [:]
        for finding in list {
            let name = try #require(finding["check"] as? String)
            // Mounts of other tests come and go.
            guard name != "mount" else { continue }
            let state = try #require(finding["state"] as? String)
            if findings[name] == nil || state != "ok" {
                findings[name] = (state, try #require(finding["text"] as? String))
            }
        }
        return findings
    }
}
