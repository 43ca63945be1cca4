import FUSE
import SystemPackage
import TestSupport
import Testing

struct ReadTests {
    private static func body(of count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    }

    private static let sizes = [0, 1, 4095, 4096, 4097, 8192, 131_071, 131_072, 131_073, 1_048_577]

    /// `memory-N` and `disk-N` of the same N bytes.
    private func makeFiles(_ scratch: ScratchDirectory) throws -> MemoryFileSystem {
        let fileSystem = MemoryFileSystem()
        for size in Self.sizes {
            let body = Self.body(of: size)
            let path = try scratch.write(body, to: "body-\(size)")
            fileSystem.add(FileName("memory-\(size)"), .bytes(body))
            let file = OpenFile(try .open(path, .readOnly))
            fileSystem.add(FileName("disk-\(size)"), .file(file, byteCount: Int64(size)))
        }
        return fileSystem
    }

    @Test(arguments: ["memory", "disk"], [false, true])
    func `bytes are the same around every edge, from memory and from disk`(kind: String, isDirect: Bool) async throws {
        try await ScratchDirectory.with { scratch in
            try await SessionFixture.with(try makeFiles(scratch)) { mount async throws in
                for size in Self.sizes {
                    let name = "\(kind)-\(size)"
                    let body = Self.body(of: size)
                    #expect(try await mount.read(name, isDirect: isDirect) == body, "\(name)")
                    for offset in [0, 1, 4095, 4096, 4097, size - 4097, size - 1, size, size + 1, size + 4096]
                    where offset >= 0 {
                        for count in [1, 511, 4096, 4097, 131_072, 131_073] {
                            let expected = Array(body.dropFirst(offset).prefix(count))
                            let bytes = try await mount.read(name, at: offset, count: count, isDirect: isDirect)
                            #expect(bytes == expected, "\(name): \(count) at \(offset)")
                        }
                    }
                }
            }
        }
    }

    @Test func `a mapped file is the file`() async throws {
        try await ScratchDirectory.with { scratch in
            try await SessionFixture.with(try makeFiles(scratch)) { mount async throws in
                for kind in ["memory", "disk"] {
                    let map = """
                        import mmap, sys
                        with open(sys.argv[1], "rb") as file:
                            sys.stdout.buffer.write(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)[:])
                        """
                    let path = "\(mount.path)/\(kind)-131073"
                    let output = try await ChildProcess.run(["python3", "-c", map, path])
                    #expect(output.bytes == Self.body(of: 131_073))
                }
            }
        }
    }

    @Test func `a file on disk that became shorter is still answered`() async throws {
        try await ScratchDirectory.with { scratch in
            let path = try scratch.write(Self.body(of: 100), to: "body")
            let fileSystem = MemoryFileSystem()
            let file = OpenFile(try .open(path, .readOnly))
            fileSystem.add("shrunk", .file(file, byteCount: 300_000))
            fileSystem.add("other", .bytes([1]))
            try await SessionFixture.with(fileSystem) { mount async throws in
                let bytes = try? await mount.read("shrunk", count: 300_000, isDirect: true)
                #expect(bytes.map { $0 == Self.body(of: 100) } ?? true)
                #expect(try await mount.read("other") == [1])
            }
        }
    }

    @Test func `a link is its target, however long`() async throws {
        let fileSystem = MemoryFileSystem()
        let targets = ["v2", "../é", String(repeating: "x", count: 2000)]
        for (index, target) in targets.enumerated() { fileSystem.add(FileName("link-\(index)"), .link(target)) }
        try await SessionFixture.with(fileSystem) { mount async throws in
            for (index, target) in targets.enumerated() {
                let read = try await ChildProcess.run(["readlink", "-n", "\(mount.path)/link-\(index)"]).text
                #expect(read == target, "\(read.utf8.count) bytes instead of \(target.utf8.count)")
            }
        }
    }
}
