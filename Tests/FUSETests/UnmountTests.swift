import FUSE
import Glibc
import TestSupport
import Testing

struct UnmountTests {
    @Test func `unmounting ends the wait of every caller`() async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        for index in 0..<20 { fileSystem.set(.init(gate: gate), for: FileName("slow-\(index)")) }
        var waiting: [Task<Int32?, any Error>] = []
        try await SessionFixture.with(fileSystem) { mount async throws in
            for index in 0..<20 { waiting.append(Task { try await mount.statusError("slow-\(index)") }) }
            await gate.waitForArrivals(20)
        }
        for task in waiting { #expect(try await task.value == EINTR) }
    }

    @Test func `a connection that is cut off from outside ends the session`() async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        for index in 0..<20 { fileSystem.set(.init(gate: gate), for: FileName("slow-\(index)")) }
        try await SessionFixture.with(fileSystem) { mount async throws in
            let waiting = (0..<20).map { index in Task { try await mount.statusError("slow-\(index)") } }
            await gate.waitForArrivals(20)
            // Aborts the connection, whoever uses it.
            _ = try await mount.offPool { mount in try check(umount2(mount.path, Int32(MNT_FORCE | MNT_DETACH))) }
            for task in waiting { #expect(try await task.value == ECONNABORTED) }
        }
    }

    @Test func `an orderly umount ends the session`() async throws {
        let fileSystem = MemoryFileSystem()
        fileSystem.add("file", .bytes([1]))
        try await SessionFixture.with(fileSystem) { mount async throws in
            #expect(try await mount.read("file") == [1])
            #expect(try await ChildProcess.run(["umount", mount.path]).status == 0)
            #expect(try await mount.statusError("file") == ENOENT)
        }
    }
}
