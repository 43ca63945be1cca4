import ClaroEmulator
import TestSupport
import Testing

/// Attachments above 16 MiB. One test at a time: some measure the daemon's memory, and each alone fills the machine.
@Suite(.serialized)
struct LargeAttachmentTests {
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

    @Test func `the end of a large file costs one signed URL and one range of at most 1 MiB`() async throws {
        try await withLargeFile { mount, source async throws in
            let command = "tail -c 1000 \(Self.large) | cmp - <(tail -c 1000 \(source))"
            let output = try await mount.bash(command)
            #expect(output.status == 0, "\(output.text)\(output.errors)")
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
            #expect(mount.ranges == [1023 << 20..<1024 << 20])
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

    // MARK: Reading ahead

    /// All but the first part of the file.
    private static let rest = RequestMatcher { $0.operation == .storage && $0.range?.hasPrefix("bytes=0-") == false }

    @Test func `who reads on in a large file has the next parts fetched meanwhile, each once, until he stops`()
        async throws
    {
        try await withLargeFile(byteCount: 128 << 20) { mount, source async throws in
            mount.emulator.inject(.hang, on: Self.rest)
            try await mount.output(of: "head -c 7340032 \(Self.large) | cmp -n 7340032 - \(source)")
            await mount.emulator.requests.wait(for: 4, of: .storage)
            let segments = Set((Int64(0)..<8).map { $0 << 23..<($0 + 1) << 23 })
            #expect(segments.isSuperset(of: mount.ranges))
            mount.emulator.clearFaults()
            try await mount.waitUntil("they do not end") {
                mount.emulator.requests.entries.allSatisfy { $0.status != nil }
            }
            #expect(segments.isSuperset(of: mount.ranges), "and no more")
            try await mount.output(of: "cmp \(Self.large) \(source)")
            #expect(mount.ranges.count == 16)
            #expect(Set(mount.ranges).count == 16)
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
        }
    }

    @Test func `single reads all over a large file cost one range of 1 MiB each`() async throws {
        let reader = """
            import concurrent.futures, os, sys
            mounted, plain = (os.open(name, os.O_RDONLY) for name in sys.argv[1:])
            def read(index):
                offset = (25 * index << 20) + 1000003 - 4096 * index
                assert os.pread(mounted, 4096, offset) == os.pread(plain, 4096, offset), index
            list(concurrent.futures.ThreadPoolExecutor(16).map(read, range(1, 40)))
            """
        try await withLargeFile { mount, source async throws in
            let program = try mount.scratch.write(Array(reader.utf8), to: "reader.py")
            try await mount.output(of: "python3 \(program) \(Self.large) \(source)")
            let chunks = (1..<40).map { Int64(25 * $0) << 20 }
            #expect(mount.ranges.map(\.lowerBound).sorted() == chunks)
            #expect(mount.ranges.allSatisfy { $0.count == 1 << 20 })
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
        }
    }

    @Test func `readers all over a large file fetch each byte once`() async throws {
        let reader = """
            import os, random, sys
            mounted, plain = (os.open(name, os.O_RDONLY) for name in sys.argv[1:3])
            position = int(sys.argv[3]) << 20
            for _ in range(200):
                if random.random() < 0.1: position = random.randrange(64 << 20)
                count = random.randrange(1, 400000)
                assert os.pread(mounted, count, position) == os.pread(plain, count, position), (position, count)
                position += count
            """
        try await withLargeFile(byteCount: 64 << 20) { mount, source async throws in
            mount.emulator.latency = .milliseconds(20)
            let program = try mount.scratch.write(Array(reader.utf8), to: "reader.py")
            try await mount.output(
                of: """
                    for i in 0 1 7 16 23 40 55 63; do python3 \(program) \(Self.large) \(source) $i & jobs="$jobs $!"; done
                    cmp \(Self.large) \(source) && for job in $jobs; do wait $job || exit 1; done
                    """
            )
            let ranges = mount.ranges.sorted { $0.lowerBound < $1.lowerBound }
            #expect(ranges.reduce(0) { $0 + $1.count } == 64 << 20)
            #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
        }
    }

    @Test func `what is fetched ahead and fails is asked for again by who reads it`() async throws {
        try await withLargeFile(byteCount: 64 << 20) { mount, source async throws in
            mount.emulator.inject(.status(500), on: Self.rest)
            // Without the kernel's own readahead, whose reads come in any order.
            let reader = """
                import os, sys
                file = os.open(sys.argv[1], os.O_RDONLY)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
                for _ in range(100): os.write(1, os.read(file, 65536))
                """
            let program = try mount.scratch.write(Array(reader.utf8), to: "reader.py")
            try await mount.output(of: "python3 \(program) \(Self.large) | cmp -n 6553600 - \(source)")
            await mount.emulator.requests.wait(for: 2, of: .storage)
            #expect(Set(mount.ranges).count == mount.ranges.count)
            mount.emulator.clearFaults()
            try await mount.output(of: "cmp \(Self.large) \(source)")
        }
    }

    @Test func `readers of both ends of a file from a server without ranges get it from one answer`() async throws {
        let configuration = Emulator.Configuration { $0.acceptsRanges = false }
        try await withLargeFile(byteCount: 64 << 20, configuration: configuration) { mount, source async throws in
            mount.emulator.latency = .milliseconds(100)
            try await mount.output(
                of: """
                    cmp <(tail -c 1000 \(Self.large)) <(tail -c 1000 \(source)) & tail=$!
                    cmp \(Self.large) \(source) && wait $tail
                    """
            )
            #expect(mount.emulator.requests.count(of: .storage) <= 2, "the second is broken off")
            try await mount.output(of: "cmp \(Self.large) \(source)")
            #expect(mount.emulator.requests.count(of: .storage) <= 2)
        }
    }
}

extension MountFixture {
    /// What the storage host was asked for, in parts.
    fileprivate var ranges: [Range<Int64>] {
        emulator.requests.entries.filter { $0.operation == .storage }.compactMap { entry in
            guard let match = entry.range?.wholeMatch(of: /bytes=([0-9]+)-([0-9]+)/),
                let first = Int64(match.1), let last = Int64(match.2)
            else { return nil }
            return first..<last + 1
        }
    }
}
