import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// One at a time: what is measured is the daemon's memory, and each test alone fills the machine.
@Suite(.serialized)
struct LoadTests {
    /// Reads a hundred files, chosen by the seed, of the list on standard input's file; prints each sum and name. Each line is
    /// written by itself: many processes share the pipe, which keeps no more than 4096 bytes together.
    private static let reader = """
        import hashlib, random, sys
        files = open(sys.argv[1]).read().split("\\n")
        for file in random.Random(int(sys.argv[2])).choices(files, k=100):
            with open(file, "rb") as handle:
                print(hashlib.sha256(handle.read()).hexdigest() + "  " + file, flush=True)
        """

    @Test func `sixty-four processes read a library of five hundred prompts at once`() async throws {
        let library = Workspace.generated(prompts: 500, versions: 1, namespaces: 2)
        try await MountFixture.with(library) { mount async throws in
            let files = try writeTexts(of: library, in: mount.scratch)
            mount.emulator.latency = .milliseconds(50)
            let list = try mount.scratch.write(Array(files.joined(separator: "\n").utf8), to: "list")
            let program = try mount.scratch.write(Array(Self.reader.utf8), to: "reader.py")
            _ = try mount.scratch.write([], to: "reading")
            async let output = mount.bash("seq 64 | xargs -P 64 -I {} python3 \(program) \(list) {}", timeout: 300)
            async let slowest = slowestRootStatus(of: mount, while: "\(mount.scratch.path)/reading")
            let reading = try await output
            try FileManager.default.removeItem(atPath: "\(mount.scratch.path)/reading")
            #expect(reading.status == 0, "\(reading.errors)")
            #expect(reading.lines.count == 6_400)

            // sha256sum compares what was read with the plain copy.
            let sums = try mount.scratch.write(reading.bytes, to: "sums")
            let plain = "\(mount.scratch.path)/plain"
            let check = try await ChildProcess.run(["sha256sum", "--quiet", "--check", sums], directory: plain)
            #expect(check.status == 0, "\(check.text.prefix(400))")

            let read = Set(
                reading.lines.map { $0.dropFirst(66).split(separator: "/").prefix(2).joined(separator: "/") }
            )
            let fetched = mount.emulator.requests.entries.filter { $0.operation == .getPrompt }.compactMap(\.subject)
            #expect(Set(fetched).count == fetched.count, "no version is fetched twice")
            #expect(fetched.count == read.count, "and no other than those that were read")
            #expect(try await slowest < .seconds(10))
            if !MountFixture.isSanitized { #expect(try mount.peakMemory() < 60 << 20) }
        }
    }

    // MARK: Measuring

    /// Writes the texts under `plain`, and returns their paths in the mount.
    private func writeTexts(of library: Workspace, in scratch: ScratchDirectory) throws -> [String] {
        var files: [String] = []
        for namespace in library.namespaces {
            for prompt in namespace.prompts {
                for (number, version) in prompt.numberedVersions {
                    let directory = "@\(namespace.name)/\(prompt.slug)/v\(number)"
                    _ = try scratch.makeDirectory("plain/\(directory)")
                    let texts = [
                        ("content", version.content), ("system", version.system), ("critique", version.critique),
                    ]
                    for case (let name, let text?) in texts {
                        _ = try scratch.write(Array(text.utf8), to: "plain/\(directory)/\(name).md")
                        files.append("\(directory)/\(name).md")
                    }
                }
            }
        }
        return files
    }

    /// The longest that `stat` of the mount's root took while a file was there.
    private func slowestRootStatus(of mount: MountFixture, while file: String) async throws -> Duration {
        try await offPool {
            var slowest = Duration.zero
            repeat {
                var status = stat()
                let duration = try ContinuousClock().measure { try check(lstat(mount.path, &status)) }
                slowest = max(slowest, duration)
                usleep(1000)
            } while access(file, F_OK) == 0
            return slowest
        }
    }
}
