import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// The emulator in this process, and the built programs as children that share one cache directory.
struct ClaroFixture: Sendable {
    let emulator: Emulator
    let scratch: ScratchDirectory

    static let key = "sk_live_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
    /// Four at once keep two processors busy.
    private static let places = Places(4)

    /// Serves `workspace`, runs `body`, and stops.
    static func with(
        _ workspace: Workspace = .sample,
        configuration: Emulator.Configuration = .init(),
        _ body: (ClaroFixture) async throws -> Void
    ) async throws {
        try await places.take {
            let emulator = try await Emulator.start(workspace, configuration: configuration)
            do {
                try await ScratchDirectory.with { scratch in
                    try await body(ClaroFixture(emulator: emulator, scratch: scratch))
                }
            } catch {
                await emulator.stop()
                throw error
            }
            await emulator.stop()
        }
    }

    var cache: String { "\(scratch.path)/cache" }

    /// Runs `claro` with words as they are.
    func run(_ words: [String], key: String? = key) async throws -> ChildProcess.Output {
        try await ChildProcess.run(
            [try Self.program("claro")] + words,
            directory: scratch.path,
            environment: environment(key)
        )
    }

    /// Runs a subcommand that works on the emulator's library.
    func claro(_ subcommand: String, _ words: String..., key: String? = key) async throws -> ChildProcess.Output {
        try await run([subcommand, "--source", emulator.url, "-o", "cache=\(cache)"] + words, key: key)
    }

    /// The same, where it must succeed; returns what it prints.
    func output(
        _ subcommand: String,
        _ words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let output = try await run([subcommand, "--source", emulator.url, "-o", "cache=\(cache)"] + words)
        #expect(output.status == 0, "\(output.errors)", sourceLocation: sourceLocation)
        return output.text
    }

    private func environment(_ key: String?) -> [String: String] {
        ["HOME": scratch.path].merging(key.map { ["BAYT_API_KEY": $0] } ?? [:]) { $1 }
    }

    /// How many requests reach the emulator while `body` runs.
    func requestCount(of body: () async throws -> Void) async throws -> Int {
        let before = emulator.requests.total
        try await body()
        return emulator.requests.total - before
    }

    /// Mounts the library at `mount` in the scratch directory while `body` runs.
    func mounted(options: [String] = [], _ body: (Mount) async throws -> Void) async throws {
        let path = try scratch.makeDirectory("mount")
        let daemon = try await ChildProcess.start(
            [
                try Self.program("mount.claro"), emulator.url, path, "--foreground", "-o",
                (["cache=\(cache)"] + options).joined(separator: ","),
            ],
            environment: environment(Self.key)
        )
        try #require(await daemon.waitForError("is mounted on"), "\(daemon.standardError)")
        let mount = Mount(path: path, daemon: daemon)
        do {
            try await body(mount)
        } catch {
            _ = try await mount.end()
            throw error
        }
        let end = try await mount.end()
        #expect(end.status == 0, "the daemon ended with \(end.status): \(end.errors)")
    }

    struct Mount: Sendable {
        let path: String
        let daemon: ChildProcess

        /// Runs a line of bash in the mount, which must succeed; returns what it prints.
        @discardableResult
        func output(of line: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
            let output = try await ChildProcess.run(["bash", "-c", line], directory: path)
            #expect(output.status == 0, "\(line): \(output.errors)", sourceLocation: sourceLocation)
            return output.text
        }

        /// Ends the daemon, if it lives, and takes its mount away.
        fileprivate func end() async throws -> ChildProcess.Output {
            daemon.signal(SIGCONT)
            daemon.signal(SIGTERM)
            let killer = Task {
                try await Task.sleep(for: .seconds(30))
                daemon.signal(SIGKILL)
            }
            let output = try await daemon.end()
            killer.cancel()
            _ = try await ChildProcess.run(["sh", "-c", "mountpoint -q \(path) && umount -l \(path); true"])
            return output
        }
    }

    /// The built programs are beside the one that runs the tests.
    static func program(_ name: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
    }
}

extension ChildProcess.Output {
    /// What was printed, as JSON.
    func json() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }
}
