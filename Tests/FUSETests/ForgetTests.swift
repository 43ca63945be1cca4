import FUSE
import Glibc
import TestSupport
import Testing

struct ForgetTests {
    /// Ten directories of fifty files.
    private func makeTree() -> MemoryFileSystem {
        let fileSystem = MemoryFileSystem()
        for directory in 0..<10 {
            let parent = fileSystem.add(FileName("directory-\(directory)"), .directory([]))
            for file in 0..<50 { fileSystem.add(FileName("file-\(file)"), .bytes([1]), in: parent) }
        }
        return fileSystem
    }

    @Test func `the kernel gives back exactly the references that it got`() async throws {
        let fileSystem = makeTree()
        try await SessionFixture.with(fileSystem) { mount async throws in
            for _ in 0..<3 {
                let found = try await ChildProcess.run(["find", mount.path, "-type", "f", "-size", "1c"])
                #expect(found.lines.count == 500)
                #expect(try await mount.statusError("directory-3/file-7") == nil)
                try await mount.dropCaches { $0.lookups.isEmpty }
                #expect(fileSystem.lookups.isEmpty)
            }
            #expect(mount.requestCount("forget") + mount.requestCount("batch_forget") > 0)
        }
    }

    @Test func `an inode in use is kept until it is closed`() async throws {
        let fileSystem = makeTree()
        try await SessionFixture.with(fileSystem) { mount async throws in
            let descriptor = try await mount.offPool { mount in
                try check(open("\(mount.path)/directory-0/file-0", O_RDONLY))
            }
            _ = try await ChildProcess.run(["ls", "-lR", mount.path])
            // The file and its directory.
            try await mount.dropCaches { $0.lookups.count == 2 }
            #expect(fileSystem.lookups.count == 2)
            _ = try await mount.offPool { _ in try check(close(descriptor)) }
            try await mount.dropCaches { $0.lookups.isEmpty }
            #expect(fileSystem.lookups.isEmpty)
        }
    }

    @Test func `a name without attributes in a listing is no reference`() async throws {
        let fileSystem = MemoryFileSystem()
        fileSystem.add("full", .bytes([1]))
        let bare = fileSystem.add("bare", .bytes([1, 2]))
        fileSystem.giveWithoutAttributes(["bare"])
        try await SessionFixture.with(fileSystem) { mount async throws in
            #expect(try await ChildProcess.run(["ls", "-U", mount.path]).lines == ["full", "bare"])
            #expect(fileSystem.lookups[bare] == nil)
            let sizes = try await ChildProcess.run(["stat", "-c", "%n %s", "bare", "full"], directory: mount.path)
            #expect(sizes.lines == ["bare 2", "full 1"])
            #expect(mount.requestCount("lookup") >= 1)
        }
    }
}
