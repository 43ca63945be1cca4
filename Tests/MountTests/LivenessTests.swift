import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What goes on while many wait.
struct LivenessTests {
    static let count = 200
    static let attachments = (0..<count).map { index in
        Workspace.Attachment.synthetic(seed: UInt64(index), byteCount: 10_000)
    }
    static let library: Workspace = [
        "acme": [
            .init(
                "slow",
                versions: [
                    .init("slow", context: zip(0..., attachments).map { .file("file\($0).bin", $1) })
                ]
            ),
            .init("fast", versions: [.init("fast one"), .init("fast two")]),
        ]
    ]

    /// As many readers as there are files, each in a thread; prints each file's number and its bytes' sum, or the errno.
    static let readers = """
        import os, sys, threading
        def read(index):
            try:
                with open(f"@acme/slow/v1/context/file{index}.bin", "rb") as file: print(index, sum(file.read()))
            except OSError as error: print(index, "failed", error.errno)
        threads = [threading.Thread(target=read, args=[index]) for index in range(\(count))]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """

    /// Hanging; each of these takes milliseconds.
    static let bound: Duration = .seconds(3)

    /// Runs `body` while 200 reads hang.
    private func withHangingReads(_ body: (MountFixture, ChildProcess) async throws -> Void) async throws {
        try await MountFixture.with(Self.library, options: ["timeout=100"]) { mount async throws in
            #expect(try await mount.text("@acme/fast/v1/content.md") == "fast one")
            mount.emulator.inject(.hang, on: .storage)
            let readers = try await ChildProcess.start(["python3", "-c", Self.readers], directory: mount.path)
            await mount.emulator.requests.wait(for: Self.count, of: .downloadURL)
            try await body(mount, readers)
        }
    }

    private func soon<Value>(_ call: () async throws -> Value) async throws -> Value {
        let start = ContinuousClock.now
        let value = try await call()
        #expect(ContinuousClock.now - start < Self.bound)
        return value
    }

    @Test func `two hundred reads that hang stop nothing else, and all finish`() async throws {
        try await withHangingReads { mount, readers async throws in
            _ = try await soon { try await mount.status("") }
            _ = try await soon { try await mount.status("@acme/fast/v1/content.md") }
            #expect(try await soon { try await mount.names("") } == ["@acme"])
            #expect(try await soon { try await mount.text("@acme/fast/v1/content.md") } == "fast one")
            #expect(try await soon { try await mount.text("@acme/fast/v2/content.md") } == "fast two")
            _ = try await soon { try await mount.statistics() }
            mount.emulator.clearFaults()
            let end = try await readers.end()
            let sums = try zip(0..., Self.attachments).map { index, attachment in
                "\(index) \(try attachment.read(0..<attachment.byteCount).reduce(0) { $0 + Int($1) })"
            }
            #expect(end.errors == "")
            #expect(end.lines.sorted() == sums.sorted())
        }
    }

    @Test func `SIGTERM ends the daemon while reads hang`() async throws {
        try await withHangingReads { mount, readers async throws in
            mount.daemon.signal(SIGTERM)
            let end = try await mount.daemon.end()
            #expect(end.status == 0)
            #expect(try await readers.end().lines.allSatisfy { $0.contains(" failed ") })
            #expect(try await !isMounted(mount.path))
        }
    }

    @Test func `statfs does not wait for the network`() async throws {
        let emulator = try await Emulator.start(Self.library)
        emulator.inject(.hang, on: .listPrompts)
        try await MountFixture.with(serving: emulator, options: ["lazy"]) { mount async throws in
            let lister = try await ChildProcess.start(["ls", mount.path])
            await emulator.requests.wait(for: 1, of: .listPrompts)
            _ = try await soon { try await mount.statistics() }
            _ = try await soon { try await mount.status("") }
            _ = try await soon { try await mount.text(".claro/status.json") }
            emulator.clearFaults()
            #expect(try await lister.end().text == "@acme\n")
        }
        await emulator.stop()
    }
}

extension MountFixture {
    /// What `statfs` tells of the mount.
    func statistics() async throws -> statvfs {
        let path = path
        return try await offPool {
            var statistics = statvfs()
            try check(statvfs(path, &statistics))
            return statistics
        }
    }
}

/// Whether something is mounted at `path`, by the kernel's table.
func isMounted(_ path: String) async throws -> Bool {
    try await offPool {
        // Foundation reads no more of a file in /proc than fits one buffer.
        let file = try check(open("/proc/self/mountinfo", O_RDONLY))
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = try check(Glibc.read(file, &part, part.count)), count > 0 { bytes += part[..<count] }
        let table = String(decoding: bytes, as: UTF8.self)
        return table.split(separator: "\n").contains { $0.split(separator: " ").dropFirst(4).first == path[...] }
    }
}
