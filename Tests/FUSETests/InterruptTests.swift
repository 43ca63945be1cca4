import FUSE
import Glibc
import TestSupport
import Testing

struct InterruptTests {
    /// Prints the errno of `stat`, 0 for none. Has a handler for SIGURG, as Go programs have.
    private static let program = """
        import os, signal, sys
        signal.signal(signal.SIGURG, lambda *_: None)
        try:
            os.stat(sys.argv[1])
            print(0)
        except OSError as error:
            print(error.errno)
        """

    private func stat(_ name: String, of mount: SessionFixture) async throws -> ChildProcess {
        try await ChildProcess.start(["python3", "-c", Self.program, "\(mount.path)/\(name)"])
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
    func `a signal ends one caller's wait and leaves the other's alone`(signal: Int32) async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        for name in ["first", "second"] as [FileName] {
            fileSystem.add(name, .bytes([]))
            fileSystem.set(.init(gate: gate), for: name)
        }
        try await SessionFixture.with(fileSystem) { mount async throws in
            let first = try await stat("first", of: mount)
            await gate.waitForArrivals(1)
            let second = try await stat("second", of: mount)
            await gate.waitForArrivals(2)
            first.signal(signal)
            let killed = try await first.end()
            #expect(killed.status != 0)
            gate.open()
            #expect(try await second.end().text == "0\n")
        }
    }

    @Test func `a signal that a program handles and goes on after fails no call`() async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        fileSystem.add("slow", .bytes([]))
        fileSystem.set(.init(gate: gate), for: "slow")
        try await SessionFixture.with(fileSystem) { mount async throws in
            let caller = try await stat("slow", of: mount)
            await gate.waitForArrivals(1)
            caller.signal(SIGURG)
            let deadline = ContinuousClock.now + .seconds(60)
            while mount.requestCount("interrupt") == 0, ContinuousClock.now < deadline { await Task.yield() }
            #expect(mount.requestCount("interrupt") == 1)
            #expect(mount.session.suspendedCount == 1)
            gate.open()
            #expect(try await caller.end().text == "0\n")
        }
    }

    @Test func `a signal after the harmless one still ends the wait`() async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        fileSystem.set(.init(gate: gate), for: "slow")
        try await SessionFixture.with(fileSystem) { mount async throws in
            let caller = try await stat("slow", of: mount)
            await gate.waitForArrivals(1)
            caller.signal(SIGURG)
            let deadline = ContinuousClock.now + .seconds(60)
            while mount.requestCount("interrupt") == 0, ContinuousClock.now < deadline { await Task.yield() }
            caller.signal(SIGINT)
            #expect(try await caller.end().status != 0)
            #expect(mount.session.suspendedCount == 0)
        }
    }
}
