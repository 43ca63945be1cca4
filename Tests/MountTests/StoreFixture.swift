import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// One cache directory and the emulator whose library it keeps, for mounts one after the other, side by side, and killed.
struct StoreFixture: Sendable {
    let emulator: Emulator
    let scratch: ScratchDirectory

    var cache: String { "\(scratch.path)/cache" }

    /// Runs `body`; afterwards no mount of it is left.
    static func with(
        _ workspace: Workspace,
        configuration: Emulator.Configuration = .init(),
        _ body: (StoreFixture) async throws -> Void
    ) async throws {
        try await MountFixture.places.take {
            try await with(serving: try await Emulator.start(workspace, configuration: configuration), body)
        }
    }

    /// As above, with an emulator that is there already; it is stopped.
    static func with(serving emulator: Emulator, _ body: (StoreFixture) async throws -> Void) async throws {
        do {
            try await ScratchDirectory.with { scratch in
                let store = StoreFixture(emulator: emulator, scratch: scratch)
                do {
                    try await body(store)
                } catch {
                    try await store.removeMounts()
                    throw error
                }
                try await store.removeMounts()
            }
        } catch {
            await emulator.stop()
            throw error
        }
        await emulator.stop()
    }

    /// Mounts, runs `body`, and unmounts.
    func mount(
        at name: String = "mount",
        _ options: [String] = [],
        key: String? = MountFixture.key,
        _ body: (MountFixture) async throws -> Void = { _ async throws in }
    ) async throws {
        let mount = try await MountFixture.start(emulator, in: scratch, at: name, options: options, key: key)
        try await mount.run(body)
    }

    /// Mounts, runs `body`, and kills the daemon. The mount stays, dead.
    func mountAndKill(
        _ options: [String] = [],
        _ body: (MountFixture) async throws -> Void = { _ async throws in }
    ) async throws {
        let mount = try await MountFixture.start(emulator, in: scratch, options: options)
        do {
            try await body(mount)
        } catch {
            _ = try await mount.end()
            throw error
        }
        mount.daemon.signal(SIGKILL)
        let end = try await mount.daemon.end()
        #expect(end.status == 128 + SIGKILL, "the daemon ended with \(end.status): \(end.errors)")
    }

    /// What reaches the emulator while `body` runs.
    func requests(of body: () async throws -> Void) async throws -> [RequestLog.Entry] {
        let before = emulator.requests.total
        try await body()
        return Array(emulator.requests.entries[before...])
    }

    /// Runs a line of bash in the scratch directory that must succeed, and returns what it prints.
    @discardableResult
    func output(of line: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let output = try await ChildProcess.run(["bash", "-c", line], directory: scratch.path)
        #expect(output.status == 0, "\(line): \(output.errors)", sourceLocation: sourceLocation)
        return output.text
    }

    /// Takes away what killed daemons have left.
    private func removeMounts() async throws {
        let line = "grep -o '\(scratch.path)/[^ ]*' /proc/self/mounts | sort -u | xargs -r umount -l; true"
        _ = try await ChildProcess.run(["bash", "-c", line])
    }
}

extension [RequestLog.Entry] {
    /// What was asked for, for a test's message too.
    var summary: [String] { map { "\($0.operation) \($0.subject ?? $0.target)" } }
}
