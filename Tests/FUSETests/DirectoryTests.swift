import FUSE
import Foundation
import TestSupport
import Testing

struct DirectoryTests {
    private func makeDirectory(of count: Int) -> MemoryFileSystem {
        let fileSystem = MemoryFileSystem()
        for index in 0..<count { fileSystem.add(FileName("entry-\(index)"), .bytes([1])) }
        return fileSystem
    }

    /// Reads a directory by getdents64 into so small a buffer.
    private static let program = """
        import ctypes, os, struct, sys
        libc = ctypes.CDLL(None, use_errno=True)
        size = int(sys.argv[2])
        buffer = ctypes.create_string_buffer(size)
        directory = os.open(sys.argv[1], os.O_RDONLY)
        while True:
            count = libc.getdents64(directory, buffer, size)
            assert count >= 0, os.strerror(ctypes.get_errno())
            if count == 0: break
            position = 0
            while position < count:
                length = struct.unpack_from("=H", buffer, position + 16)[0]
                print(buffer.raw[position + 19:position + length].split(b"\\0")[0].decode())
                position += length
        """

    @Test(arguments: [40, 64, 100, 4096, 1 << 20])
    func `a buffer of any size gives every name once and in order`(byteCount: Int) async throws {
        try await SessionFixture.with(makeDirectory(of: 500)) { mount async throws in
            // The first walk asks for every part, the second reads the kernel's copy.
            for _ in 0..<2 {
                let listing = try await ChildProcess.run(["python3", "-c", Self.program, mount.path, "\(byteCount)"])
                #expect(listing.lines == [".", ".."] + (0..<500).map { "entry-\($0)" }, "\(listing.errors)")
            }
        }
    }

    @Test func `seekdir goes back to what telldir told`() async throws {
        try await SessionFixture.with(makeDirectory(of: 300)) { mount async throws in
            try await mount.offPool { mount in
                let walk = try Walk(mount.path)
                var seen: [(name: String, place: Int)] = []
                while let name = walk.next() { seen.append((name, walk.place)) }
                #expect(seen.count == 302)
                for index in [300, 0, 150, 31, 299, 2] {
                    walk.place = seen[index].place
                    #expect(walk.next() == seen[index + 1].name)
                }
                walk.rewind()
                #expect(walk.next() == ".")
            }
        }
    }

    @Test func `a directory that changes in the middle of a walk neither repeats nor skips`() async throws {
        let fileSystem = makeDirectory(of: 1000)
        try await SessionFixture.with(fileSystem) { mount async throws in
            let names = try await mount.offPool { mount in
                let walk = try Walk(mount.path)
                var names: [String] = []
                while names.count < 200, let name = walk.next() { names.append(name) }
                // What has been given, what comes next, and what comes much later.
                for index in [5, 197, 198, 199, 200, 201, 900] { fileSystem.remove(FileName("entry-\(index)")) }
                fileSystem.add("added", .bytes([]))
                while let name = walk.next() { names.append(name) }
                return names
            }
            #expect(Set(names).count == names.count)
            let lasting = Set((0..<1000).map { "entry-\($0)" }).subtracting(
                [5, 197, 198, 199, 200, 201, 900].map { "entry-\($0)" }
            )
            #expect(lasting.isSubset(of: names))
            #expect(!names.contains("entry-900"))
            #expect(names.last == "added")
        }
    }

    @Test func `a place whose entry is gone is followed by the next one`() async throws {
        let fileSystem = makeDirectory(of: 1000)
        try await SessionFixture.with(fileSystem) { mount async throws in
            try await mount.offPool { mount in
                let walk = try Walk(mount.path)
                while let name = walk.next(), name != "entry-500" {}
                let place = walk.place
                walk.close()
                for index in 490..<510 { fileSystem.remove(FileName("entry-\(index)")) }
                let again = try Walk(mount.path)
                again.place = place
                #expect(again.next() == "entry-510")
            }
        }
    }

    @Test func `a listing with attributes spares a lookup of each name`() async throws {
        let fileSystem = makeDirectory(of: 200)
        try await SessionFixture.with(fileSystem) { mount async throws in
            try await expectCleanPass { () async throws -> Bool in
                try await mount.dropCaches { $0.lookups.isEmpty }
                let before = mount.requestCount("lookup")
                let listing = try await ChildProcess.run(["ls", "-l", mount.path])
                #expect(listing.lines.count == 201)
                return mount.requestCount("lookup") == before
            }
        }
    }

    @Test func `a listing of names without attributes can be looked up`() async throws {
        let fileSystem = makeDirectory(of: 50)
        fileSystem.giveWithoutAttributes(Set((0..<50).map { FileName("entry-\($0)") }))
        try await SessionFixture.with(fileSystem) { mount async throws in
            let listing = try await ChildProcess.run(["find", mount.path, "-type", "f", "-size", "1c"])
            #expect(listing.lines.count == 50)
            #expect(mount.requestCount("lookup") >= 50)
        }
    }
}

/// A directory stream; to be used on one thread.
private final class Walk {
    private var stream: OpaquePointer?

    init(_ path: String) throws {
        stream = opendir(path)
        guard stream != nil else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close() }

    /// Where the next entry comes from.
    var place: Int {
        get { stream.map(telldir) ?? -1 }
        set { if let stream { seekdir(stream, newValue) } }
    }

    func rewind() { if let stream { rewinddir(stream) } }

    func next() -> String? {
        guard let stream, let entry = readdir(stream) else { return nil }
        return withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func close() { if let stream = stream.take() { closedir(stream) } }
}
