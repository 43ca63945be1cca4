import Foundation
import TestSupport

/// Sends programs through a whole mount, and judges each thing that they tell.
struct SoakWalker: Sendable {
    typealias Instant = ContinuousClock.Instant

    let mounts: [SoakMount]
    let tally: SoakTally
    let scratch: ScratchDirectory

    /// Between two walks.
    private static let pause = Duration.seconds(1)

    func run(until end: Instant, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        while .now < end, let mount = mounts.randomElement(using: &random) {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: try await grep(mount)
            case 1: try await find(mount)
            default: try await tar(mount)
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Everything once, also with variables, which a daemon then has in memory as far as it ever will.
    func readEverything(in mount: SoakMount) async throws {
        try await tar(mount)
        let start = Instant.now
        let names = SoakThing.values.map { "\"$version,who=\($0)/content.md\"" }.joined(separator: " ")
        let output = try await run(
            "for version in @soak/*/v[1-9]; do cat \(names) || exit 1; done > /dev/null",
            in: mount
        )
        tally.add(walk: "cat", output.status, output.errors, from: start, at: mount)
    }

    private func grep(_ mount: SoakMount) async throws {
        let start = Instant.now
        let output = try await run("grep -rns '^soak ' @soak", in: mount)
        // Nothing is found where there is nothing.
        tally.add(walk: "grep", output.status == 1 ? 0 : output.status, output.errors, from: start, at: mount)
        for line in output.lines {
            let parts = line.split(separator: ":", maxSplits: 2)
            guard parts.count == 3, parts[1] == "1", let thing = SoakThing(path: parts[0]) else { continue }
            add(thing, .heading(parts[2] + "\n"), since: start, at: mount)
        }
    }

    private func find(_ mount: SoakMount) async throws {
        let start = Instant.now
        let output = try await run("find @soak -type f -printf '%s %p\\n'", in: mount)
        tally.add(walk: "find", output.status, output.errors, from: start, at: mount)
        for line in output.lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let size = Int(parts[0]), let thing = SoakThing(path: parts[1]) else { continue }
            add(thing, .size(size), since: start, at: mount)
        }
    }

    private func tar(_ mount: SoakMount) async throws {
        let copy = try scratch.makeDirectory("copy")
        let start = Instant.now
        let output = try await run(
            "set -o pipefail; tar -cf - @soak | tar --delay-directory-restore -xf - -C \(copy)",
            in: mount
        )
        tally.add(walk: "tar", output.status, output.errors, from: start, at: mount)
        let files = try await ChildProcess.run(["find", ".", "-type", "f"], directory: copy)
        for path in files.lines {
            // What it says of a file is that it could not read it to its end.
            guard let thing = SoakThing(path: path), !output.errors.contains(path.dropFirst(2)) else { continue }
            let bytes = try await offPool { Array(try Data(contentsOf: URL(fileURLWithPath: "\(copy)/\(path)"))) }
            add(thing, .bytes(bytes, start: 0, size: bytes.count), since: start, at: mount)
        }
        _ = try await ChildProcess.run(["rm", "-rf", copy])
    }

    private func run(_ line: String, in mount: SoakMount) async throws -> ChildProcess.Output {
        // From outside: what is mounted there changes.
        try await ChildProcess.run(["bash", "-c", "cd \(mount.path) && \(line)"], directory: scratch.path)
    }

    private func add(_ thing: SoakThing, _ outcome: SoakLook.Outcome, since start: Instant, at mount: SoakMount) {
        tally.add(SoakLook(thing: thing, outcome: outcome, start: start, end: .now), at: mount)
    }
}
