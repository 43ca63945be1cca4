import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Where the key and the texts must not be found.
struct SecretsTests {
    static let text = "a text that is nobody's business"
    static let library: Workspace = [
        "acme": [
            .init("one", versions: [.init(text, context: [.file("data.txt", .text("attached"))])]),
            .init("two", versions: [.init(text)], draft: .init(text)),
        ]
    ]

    @Test(arguments: ["environment", "file"])
    func `the key stays in memory, whatever goes wrong`(place: String) async throws {
        let emulator = try await Emulator.start(Self.library)
        try await ScratchDirectory.with { directory in
            let file = try directory.write(MountFixture.key.utf8, to: "key")
            let options = ["log=trace", "xattr", "ttl=0", "draft_ttl=0", "negative_ttl=0", "timeout=3"]
            try await MountFixture.with(
                serving: emulator,
                options: options + (place == "file" ? ["credentials=\(file)"] : []),
                environment: place == "file" ? [:] : ["BAYT_API_KEY": MountFixture.key]
            ) { mount async throws in
                try await suffer(mount)
                let process = "/proc/\(mount.daemon.processIdentifier)"
                var shown = [
                    "standard error": mount.daemon.standardError,
                    "status.json": try await mount.text(".claro/status.json"),
                    "metrics": try await mount.text(".claro/metrics"),
                    "extended attributes": try await mount.output(of: "getfattr -d -m - @acme/two/v0/content.md"),
                ]
                for file in ["cmdline", "environ", "mountinfo", "comm", "status"] {
                    let bytes = try await ChildProcess.run(["cat", "\(process)/\(file)"]).bytes
                    shown[file] = String(decoding: bytes, as: UTF8.self)
                }
                for (name, text) in shown {
                    #expect(!text.contains(MountFixture.key), "\(name)")
                    #expect(!text.contains(Self.text), "\(name)")
                    #expect(!text.contains("signature="), "\(name)")
                }
                #expect(shown["standard error"]?.contains("failed") == true)
                let search = ["grep", "-rlaF", MountFixture.key, "\(mount.scratch.path)/cache"]
                #expect(try await ChildProcess.run(search).text == "")
            }
        }
        await emulator.stop()
    }

    /// Meets every error of the matrix, and servers that repeat what they were sent.
    private func suffer(_ mount: MountFixture) async throws {
        let echo = Array(#"{"error": {"message": "Bearer \#(MountFixture.key)"}}"#.utf8)
        let headers = ["X-Request-Id": MountFixture.key]
        let echoes = [400, 401, 403, 500].map { Fault.status($0, headers: headers, body: echo) }
        let redirect = Fault.redirect(to: "http://127.0.0.1:9/\(MountFixture.key)")
        for fault in echoes + [redirect] + MatrixFault.all.compactMap(\.answer) {
            mount.emulator.inject(fault, on: .getPrompt)
            #expect(try await mount.readError("@acme/one/v1/content.md") != nil)
            mount.emulator.clearFaults()
        }
        try await eventually { try await mount.readError("@acme/two/v1/content.md") == nil }
        #expect(try await mount.text("@acme/two/v1/content.md") == Self.text)
        #expect(try await mount.text("@acme/two/v0/content.md") == Self.text)
        #expect(try await mount.text("@acme/one/v1/content.md") == Self.text)
        for fault in [.status(403, headers: headers, body: echo), .status(500), .malformedHTTP, redirect] as [Fault] {
            mount.emulator.inject(fault, on: .storage)
            #expect(try await mount.readError("@acme/one/v1/context/data.txt") != nil)
            mount.emulator.clearFaults()
        }
        mount.emulator.inject(.status(401, headers: headers, body: echo), on: .any)
        #expect(try await mount.text("@acme/two/v0/content.md") == Self.text)
        #expect(try await mount.stale()["@acme/two:v0"] != nil)
    }

    /// Whether programs that crash in a directory leave their memory in it here.
    static let leavesCores = (try? String(contentsOfFile: "/proc/sys/kernel/core_pattern", encoding: .utf8)) == "core\n"

    @Test(.enabled(if: leavesCores))
    func `a crash leaves no core`() async throws {
        let emulator = try await Emulator.start(Self.library)
        try await ScratchDirectory.with { scratch in
            let place = try scratch.makeDirectory("mount")
            let directory = try scratch.makeDirectory("cores")
            let line = """
                ulimit -c unlimited
                sleep 100 & kill -SEGV $!; wait; ls
                rm -f core*
                exec "$0" "$1" "$2" --foreground -o cache=none
                """
            let words = ["bash", "-c", line, try MountFixture.program("mount.claro"), emulator.url, place]
            let daemon = try await ChildProcess.start(
                words,
                directory: directory,
                environment: ["BAYT_API_KEY": MountFixture.key]
            )
            #expect(await daemon.waitForError("is mounted on"))
            daemon.signal(SIGSEGV)
            let end = try await daemon.end()
            // The other program left one.
            #expect(end.text.hasPrefix("core"))
            #expect(end.status == 128 + SIGSEGV)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
            #expect(try await ChildProcess.run(["umount", "-l", place]).status == 0)
        }
        await emulator.stop()
    }
}

extension MatrixFault {
    /// What the API answers, unless all else has to wait for a long time then.
    fileprivate var answer: Fault? {
        if case .api(let fault, _) = cause, uncached != .fails(.EAGAIN) { fault } else { nil }
    }
}
