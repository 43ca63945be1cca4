import FUSE
import Glibc
import TestSupport
import Testing

struct KernelCacheTests {
    @Test func `a second lookup of what is missing sends nothing`() async throws {
        let fileSystem = MemoryFileSystem()
        try await SessionFixture.with(fileSystem) { mount async throws in
            try await expectCleanPass { () async throws -> Bool in
                #expect(try await mount.statusError("missing") == ENOENT)
                let before = mount.requestCount("lookup")
                for _ in 0..<10 { #expect(try await mount.statusError("missing") == ENOENT) }
                return mount.requestCount("lookup") == before
            }
        }
    }

    @Test func `what is missing for no time is asked for each time`() async throws {
        let fileSystem = MemoryFileSystem()
        fileSystem.setLifetimes(entry: .zero, negative: .zero)
        try await SessionFixture.with(fileSystem) { mount async throws in
            for _ in 0..<3 { #expect(try await mount.statusError("missing") == ENOENT) }
            #expect(mount.requestCount("lookup") == 3)
            fileSystem.add("missing", .bytes([]))
            #expect(try await mount.statusError("missing") == nil)
        }
    }

    @Test func `what lives long is looked up, told and read once`() async throws {
        let fileSystem = MemoryFileSystem()
        fileSystem.add("file", .bytes([UInt8](repeating: 7, count: 10_000)))
        try await SessionFixture.with(fileSystem) { mount async throws in
            try await expectCleanPass { () async throws -> Bool in
                _ = try await mount.read("file")
                let before = ["lookup", "getattr", "read"].map(mount.requestCount)
                for _ in 0..<5 { #expect(try await mount.read("file").count == 10_000) }
                return ["lookup", "getattr", "read"].map(mount.requestCount) == before
            }
        }
    }

    @Test func `invalidated contents are read again`() async throws {
        let fileSystem = MemoryFileSystem()
        let inode = fileSystem.add("file", .bytes(Array("old".utf8)))
        try await SessionFixture.with(fileSystem) { mount async throws in
            #expect(try await mount.read("file") == Array("old".utf8))
            fileSystem.replace(inode, .bytes(Array("new and longer".utf8)))
            mount.invalidations.send([.contents(inode)])
            #expect(try await isSoon { try await mount.read("file") == Array("new and longer".utf8) })
        }
    }

    @Test func `an invalidated name is looked up again`() async throws {
        let fileSystem = MemoryFileSystem()
        fileSystem.add("name", .bytes(Array("old".utf8)))
        try await SessionFixture.with(fileSystem) { mount async throws in
            #expect(try await mount.read("name") == Array("old".utf8))
            fileSystem.remove("name")
            fileSystem.add("name", .bytes(Array("another file".utf8)))
            mount.invalidations.send([.entry("name", in: .root)])
            #expect(try await isSoon { try await mount.read("name") == Array("another file".utf8) })
        }
    }

    @Test func `an invalidated directory is listed again`() async throws {
        let fileSystem = MemoryFileSystem()
        let parent = fileSystem.add("directory", .directory([]))
        fileSystem.add("one", .bytes([]), in: parent)
        try await SessionFixture.with(fileSystem) { mount async throws in
            let directory = "\(mount.path)/directory"
            #expect(try await ChildProcess.run(["ls", directory]).lines == ["one"])
            fileSystem.add("two", .bytes([]), in: parent)
            mount.invalidations.send([.contents(parent)])
            #expect(try await isSoon { try await ChildProcess.run(["ls", directory]).lines == ["one", "two"] })
        }
    }

    @Test func `forgetting what the kernel does not know is no error`() async throws {
        let fileSystem = MemoryFileSystem()
        let inode = fileSystem.add("file", .bytes(Array("old".utf8)))
        try await SessionFixture.with(fileSystem) { mount async throws in
            let unknown = InodeNumber(rawValue: 999)
            mount.invalidations.send([.contents(unknown), .entry("never", in: .root), .entry("never", in: unknown)])
            #expect(try await mount.read("file") == Array("old".utf8))
            fileSystem.replace(inode, .bytes(Array("new".utf8)))
            mount.invalidations.send([.contents(inode)])
            #expect(try await isSoon { try await mount.read("file") == Array("new".utf8) })
        }
    }

    /// Whether something that a thread of the session brings about comes to be true; false after a minute.
    private func isSoon(_ condition: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if try await condition() { return true }
        }
        return false
    }
}
