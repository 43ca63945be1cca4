import Foundation
import Synchronization
import TestSupport
import Testing

/// One place of the soak test where daemons serve, one after the other.
final class SoakMount: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What looks at a mount may meet beside the library itself.
    struct Exposure: Sendable {
        /// A daemon ended or began meanwhile: any call may have failed.
        let wasCut: Bool
        /// Since then the API has failed or, as far as this mount has seen, not recovered yet.
        let failingSince: Instant?
    }

    /// From when to when something lasted; without an end it does still.
    private struct Period {
        let start: Instant
        var end: Instant?

        func overlaps(_ window: ClosedRange<Instant>) -> Bool {
            start <= window.upperBound && (end.map { $0 >= window.lowerBound } ?? true)
        }
    }

    private struct State {
        var mount: MountFixture?
        var cuts: [Period] = []
        var failures: [Period] = []
    }

    static let ttl = Duration.seconds(4)
    static let draftTTL = Duration.seconds(2)
    static let negativeTTL = Duration.seconds(3)
    /// The longest that a call waits for one thing.
    static let timeout = Duration.seconds(5)
    /// The waits of breaker and retries after long failures, one after the other, and as much again.
    private static let longestRecovery = Duration.seconds(90)

    private static let options = [
        "ttl=\(ttl.components.seconds)", "draft_ttl=\(draftTTL.components.seconds)",
        "negative_ttl=\(negativeTTL.components.seconds)", "timeout=\(timeout.components.seconds)",
        // Fewer bytes than there are attachments.
        "cache_size=16M", "min_free=0",
    ]

    let name: String
    let path: String
    private let store: StoreFixture
    private let state = Mutex(State())

    /// Mounts for the first time.
    static func start(_ name: String, in store: StoreFixture) async throws -> SoakMount {
        let mount = SoakMount(name, in: store)
        try await mount.mount()
        return mount
    }

    private init(_ name: String, in store: StoreFixture) {
        self.name = name
        self.store = store
        path = "\(store.scratch.path)/\(name)"
    }

    /// The one that serves now, or was the last.
    var fixture: MountFixture {
        get throws { try #require(state.withLock { $0.mount }) }
    }

    private func mount() async throws {
        let mount = try await MountFixture.start(store.emulator, in: store.scratch, at: name, options: Self.options)
        state.withLock { $0.mount = mount }
    }

    // MARK: Ends

    /// Ends the daemon, by SIGTERM, which it must follow, or by SIGKILL; the next one takes its place.
    func remount(after signal: Int32) async throws {
        let daemon = try fixture.daemon
        state.withLock { $0.cuts.append(Period(start: .now)) }
        if signal == SIGTERM {
            let end = try await fixture.end()
            #expect(end.status == 0, "\(name) ended with \(end.status): \(end.errors)")
        } else {
            daemon.signal(signal)
            #expect(try await daemon.end().status == 128 + signal)
        }
        try await mount()
        state.withLock { $0.cuts[$0.cuts.count - 1].end = .now }
    }

    func exposure(in window: ClosedRange<Instant>) -> Exposure {
        state.withLock { state in
            Exposure(
                wasCut: state.cuts.contains { $0.overlaps(window) },
                failingSince: state.failures.first { $0.overlaps(window) }?.start
            )
        }
    }

    // MARK: Failures of the API

    /// From now on it may serve what is old, and fail.
    func beginFailure() {
        state.withLock { $0.failures.append(Period(start: .now)) }
    }

    /// The API is well again: looks at what is marked as stale until nothing is, and the connection is good.
    func recover() async throws {
        let end = Instant.now + Self.longestRecovery
        while try await !hasRecovered() {
            let report = try? await fixture.report()
            try #require(.now < end, "\(name) does not recover: \(report?["stale"] ?? ""), \(report?["api"] ?? "")")
            try await Task.sleep(for: .milliseconds(200))
        }
        state.withLock { $0.failures[$0.failures.count - 1].end = .now }
    }

    private func hasRecovered() async throws -> Bool {
        // Nobody may be there to be asked.
        guard let report = try? await fixture.report(), let api = report["api"] as? [String: Any],
            let stale = report["stale"] as? [[String: String]]
        else { return false }
        let subjects = stale.compactMap { $0["what"] }
        for subject in subjects { await look(at: subject) }
        guard subjects.isEmpty else { return false }
        let isConnected = api["breaker"] as? String == "closed"
        // Nothing may be left that has to be asked for, and by itself a mount sends nothing.
        if !isConnected { await lookAtUnknown() }
        return isConnected
    }

    /// Has the API asked for a prompt that nobody has heard of.
    private func lookAtUnknown() async {
        let path = "\(path)/@nobody/p\(UInt32.random(in: .min ... .max))"
        _ = try? await offPool { FileManager.default.fileExists(atPath: path) }
    }

    /// Has something renewed that `status.json` names so. It does not tell the values of variables.
    private func look(at subject: String) async {
        let isListing = !subject.hasPrefix("@")
        let places =
            isListing
            ? ["@soak"]
            : SoakThing.values.map { value in
                subject.replacing(":", with: "/").replacing(" with who", with: ",who=\(value)")
            }
        let path = path
        for place in places {
            _ = try? await offPool { try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(place)").count }
        }
    }

    // MARK: At rest

    /// How many requests the kernel waits for (fusectl, `waiting`).
    func unansweredCount() async throws -> Int {
        let device = try await fixture.status("").st_dev
        // The kernel's own spelling of a device number: linux/kdev_t.h.
        let number = (device & 0xFF) | ((device >> 12) & ~0xFF)
        // Not everywhere is it mounted.
        let line = "mount -t fusectl none /sys/fs/fuse/connections; cat /sys/fs/fuse/connections/\(number)/waiting"
        let output = try await ChildProcess.run(["unshare", "-m", "bash", "-ec", line])
        return try #require(Int(output.text.dropLast()), "\(output.errors)")
    }
}
