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
}
