import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// One at a time: what is measured is the daemon's memory, and each test alone fills the machine.
@Suite(.serialized)
struct LoadTests {
    /// Reads a hundred files, chosen by the seed, of the list on standard input's file; prints each sum and name.
    private static let reader = """
        import hashlib, random, sys
        files = open(sys.argv[1]).read().split("\\n")
        for file in random.Random(int(sys.argv[2])).choices(files, k=100):
            with open(file, "rb") as handle:
                print(hashlib.sha256(handle.read()).hexdigest() + "  " + file)
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
            #expect(try mount.peakMemory() < 60 << 20)
        }
    }

    // MARK: A large attachment

    private static let largeByteCount: Int64 = 1 << 30

    /// Mounts a library with an attachment of one GiB, a file on disk whose sum is given as well.
    private func withLargeFile(
        byteCount: Int64 = largeByteCount,
        configuration: Emulator.Configuration = .init(),
        _ body: (MountFixture, _ source: String) async throws -> Void
    ) async throws {
        try await ScratchDirectory.with { scratch in
            let source = "\(scratch.path)/source"
            // Bytes that depend on their place, at the speed of the disk.
            let make = """
                head -c \(byteCount) /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 2>/dev/null >\(source)
                """
            #expect(try await ChildProcess.run(["bash", "-c", make]).status == 0)
            let attachment = Workspace.Attachment.contents(ofFile: source, byteCount: byteCount)
            let library: Workspace = [
                "acme": [.init("media", versions: [.init("text", context: [.file("large.bin", attachment)])])]
            ]
            try await MountFixture.with(library, configuration: configuration) { mount async throws in
                try await body(mount, source)
            }
        }
    }

    private static let large = "@acme/media/v1/context/large.bin"

    @Test func `a file of a gibibyte is read whole within a hundred mebibytes of memory`() async throws {
        try await withLargeFile { mount, source async throws in
            let output = try await mount.bash("sha256sum <\(Self.large)", timeout: 900)
            let expected = try await ChildProcess.run(["bash", "-c", "sha256sum <\(source)"])
            #expect(output.status == 0, "\(output.errors)")
            #expect(output.text == expected.text)
            #expect(mount.emulator.requests.count(of: .storage) == 128, "one request for each 8 MiB")
            #expect(try mount.peakMemory() < 100 << 20)
        }
    }

    @Test func `the head can be read while the rest has not arrived`() async throws {
        try await withLargeFile(byteCount: 64 << 20) { mount, source async throws in
            let rest = RequestMatcher { $0.operation == .storage && $0.range?.hasPrefix("bytes=0-") == false }
            mount.emulator.inject(.hang, on: rest)
            let head = try await mount.bash("head -c 4194304 \(Self.large) | cmp -n 4194304 - \(source)", timeout: 30)
            #expect(head.status == 0, "\(head.text)\(head.errors)")
            async let whole = mount.bash("cmp \(Self.large) \(source)")
            await mount.emulator.requests.wait(for: 2, of: .storage)
            mount.emulator.clearFaults()
            let comparison = try await whole
            #expect(comparison.status == 0, "\(comparison.text)\(comparison.errors)")
        }
    }

    @Test func `the end of a large file costs one signed URL and one range`() async throws {
        try await withLargeFile { mount, source async throws in
            let command = "tail -c 1000 \(Self.large) | cmp - <(tail -c 1000 \(source))"
            let output = try await mount.bash(command)
            #expect(output.status == 0, "\(output.text)\(output.errors)")
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
            let ranges = mount.emulator.requests.entries.filter { $0.operation == .storage }.map(\.range)
            #expect(ranges == ["bytes=1065353216-1073741823"])
        }
    }

    @Test func `a server without ranges is streamed, once`() async throws {
        let configuration = Emulator.Configuration { $0.acceptsRanges = false }
        try await withLargeFile(byteCount: 64 << 20, configuration: configuration) { mount, source async throws in
            let output = try await mount.bash("cmp \(Self.large) \(source)")
            #expect(output.status == 0, "\(output.text)\(output.errors)")
            #expect(mount.emulator.requests.count(of: .storage) == 1)
        }
    }

    @Test func `readers at the same time share one download`() async throws {
        try await withLargeFile(byteCount: 12 << 20) { mount, source async throws in
            mount.emulator.latency = .milliseconds(200)
            let command = "seq 16 | xargs -P 16 -I {} cmp \(Self.large) \(source)"
            let output = try await mount.bash(command)
            #expect(output.status == 0, "\(output.text)\(output.errors)")
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
            #expect(mount.emulator.requests.count(of: .storage) == 1)
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

extension MountFixture {
    /// The most memory that the daemon ever had resident, in bytes (proc(5), VmHWM).
    fileprivate func peakMemory() throws -> Int {
        let path = "/proc/\(daemon.processIdentifier)/status"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        let kibibytes = try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
        return kibibytes * 1024
    }
}
