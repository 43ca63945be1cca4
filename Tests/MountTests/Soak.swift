import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Readers, walkers, remounts, kills, SIGHUPs, publications and failures of the API, all at the same time and at random,
/// on three mounts with one store. The first mount's daemon stays from beginning to end.
struct Soak: Sendable {
    typealias Instant = ContinuousClock.Instant

    private static let readersPerMount = 4
    /// After it a daemon has let go of what it can.
    private static let settlingTime = Duration.seconds(15)

    let duration: Duration
    let seed: UInt64
    /// Says something to who has started it.
    let report: @Sendable (String) -> Void

    private let library: SoakLibrary
    private let mounts: [SoakMount]
    private let walker: SoakWalker
    private let weather: SoakWeather
    private let tally: SoakTally
    private let figures = SoakFigures()

    init(
        on library: SoakLibrary,
        in store: StoreFixture,
        for duration: Duration,
        seed: UInt64,
        report: @escaping @Sendable (String) -> Void
    ) async throws {
        self.library = library
        self.duration = duration
        self.seed = seed
        self.report = report
        var mounts: [SoakMount] = []
        for name in ["steady", "second", "third"] { mounts.append(try await SoakMount.start(name, in: store)) }
        self.mounts = mounts
        tally = SoakTally(library)
        walker = SoakWalker(mounts: mounts, tally: tally, scratch: store.scratch)
        weather = SoakWeather(library.emulator, mounts)
    }

    /// A quarter of the time, at most two minutes, to begin with: what a daemon keeps in memory grows to its bounds.
    private var warmUp: Duration { min(duration / 4, .seconds(120)) }

    /// An even number of parts of at most two minutes, each followed by rest.
    private var roundCount: Int { 2 * max(1, Int((duration - warmUp) / .seconds(240))) }

    /// What the second half's memory may be of the first half's. In a few minutes not all of what a daemon keeps within
    /// bounds, and not all that `malloc` holds between them, has come to these bounds.
    private var growthBound: Double { duration >= .seconds(600) ? 1.05 : 1.25 }

    func run() async throws {
        report("seed \(seed), \(duration.formatted(.time(pattern: .hourMinuteSecond))), \(mounts.count) mounts")
        try await walker.readEverything(in: mounts[0])
        try await round(0, for: warmUp)
        let first = try await rest()
        report("at rest after a warm-up of \(warmUp.components.seconds) s: \(first)")
        for number in 1...roundCount {
            let end = Instant.now + (duration - warmUp) / roundCount
            async let watching: Void = figures.watch(mounts[0], until: end)
            try await round(number, for: end - .now)
            try await watching
            let last = try await rest(like: first)
            report("at rest after part \(number) of \(roundCount): \(last)")
            #expect(last == first)
        }
        try await judge()
    }

    // MARK: Parts

    /// Everything at the same time, until everybody has done what he began.
    private func round(_ number: Int, for duration: Duration) async throws {
        let end = Instant.now + duration
        var random = SeededRandom(seed: seed &* 1_000 &+ UInt64(number))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for mount in mounts {
                let reader = SoakReader(mount: mount, library: library, tally: tally)
                for _ in 1...Self.readersPerMount {
                    let seed = random.next()
                    group.addTask { try await offPool { reader.run(until: end, seed: seed) } }
                }
                let seed = random.next()
                group.addTask { try await signal(mount, until: end, seed: seed) }
            }
            let seeds = (1...3).map { _ in random.next() }
            group.addTask { try await walker.run(until: end, seed: seeds[0]) }
            group.addTask { try await weather.run(until: end, seed: seeds[1]) }
            group.addTask { try await change(until: end, seed: seeds[2]) }
            try await group.waitForAll()
        }
    }

    private func change(until end: Instant, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        while .now < end {
            library.change(using: &random)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...1_500, using: &random)))
        }
    }

    /// SIGHUPs, and for all but the first mount the ends of daemons.
    private func signal(_ mount: SoakMount, until end: Instant, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        while true {
            try await Task.sleep(for: .milliseconds(Int.random(in: 1_000...15_000, using: &random)))
            guard .now < end else { return }
            let isSteady = mount === mounts[0]
            switch Int.random(in: 0..<3, using: &random) {
            case 1 where !isSteady:
                try await mount.remount(after: SIGTERM)
                tally.add(signal: "SIGTERM")
            case 2 where !isSteady:
                try await mount.remount(after: SIGKILL)
                tally.add(signal: "SIGKILL")
            default:
                try mount.fixture.daemon.signal(SIGHUP)
                tally.add(signal: "SIGHUP")
            }
        }
    }

    /// Waits until nothing happens any more, and tells what the first mount's daemon has then: what it had before, if it
    /// comes to that within a minute.
    private func rest(like before: SoakFigures.Rest? = nil) async throws -> SoakFigures.Rest {
        for mount in mounts {
            try await eventually("\(mount.name) has unanswered requests") { try await mount.unansweredCount() == 0 }
        }
        let mount = try mounts[0].fixture
        // One connection in place of those that the last minutes needed: the next request finds the others closed, or one a
        // second later.
        await library.emulator.stop()
        try await library.emulator.restart()
        // Files and threads that nobody needs are let go after seconds.
        let end = Instant.now + (before == nil ? Self.settlingTime : .seconds(60))
        var rest: SoakFigures.Rest
        repeat {
            mount.daemon.signal(SIGHUP)
            try await eventually("no request is sent") {
                try await mount.requestCount { _ = try await mount.names(SoakThing.listing.path) } > 0
            }
            try await Task.sleep(for: .seconds(2))
            rest = try SoakFigures.rest(of: mount.daemon.processIdentifier)
        } while .now < end && rest != before
        return rest
    }

    // MARK: The end

    private func judge() async throws {
        // The root, `.claro`, and the file itself.
        let inodeCount = try await inodeCount(downTo: 3)
        #expect(inodeCount <= 3)
        let memory = figures.memoryMedians
        let ratio = Double(memory.second) / Double(max(1, memory.first))
        report("changes and signals: \(Self.list(library.changeCounts.merging(tally.signalCounts) { $1 }))")
        report("failures of the API: \(Self.list(weather.failureCounts))")
        for line in tally.summary { report(line) }
        report(
            "unanswered requests: 0; inodes when the kernel has dropped its caches: \(inodeCount) (the root and `.claro`)"
        )
        let medians = [memory.first, memory.second].map { String(format: "%.1f MiB", Double($0) / 1_048_576) }
        report(
            "private memory, medians of the halves: \(medians[0]), \(medians[1]): \(String(format: "%.3f", ratio)) ×"
        )
        for wrong in tally.wrong.prefix(20) { report("wrong: \(wrong)") }
        #expect(tally.wrong == [])
        #expect(ratio <= growthBound)
        #expect(tally.longestWait < SoakMount.timeout * 10)
        for mount in mounts { #expect(try await mount.fixture.end().status == 0) }
    }

    /// How many inodes the first mount's daemon holds when the kernel has dropped what it can; it may need to be asked more
    /// than once.
    private func inodeCount(downTo bound: Int) async throws -> Int {
        let mount = try mounts[0].fixture
        var count = Int.max
        for _ in 1...20 where count > bound {
            _ = try await ChildProcess.run(["sh", "-c", "echo 2 > /proc/sys/vm/drop_caches"])
            count = try #require(try await mount.metric("claro_inodes"))
        }
        return count
    }

    private static func list(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
    }
}
