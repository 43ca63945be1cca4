import FUSE
import Glibc
import SystemPackage
import TestSupport
import Testing

struct AnswerTests {
    @Test(arguments: [
        Errno.noSuchFileOrDirectory, .permissionDenied, .ioError, .timedOut, .noRouteToHost,
        .resourceTemporarilyUnavailable,
    ])
    func `a body that throws is answered with its errno, at once or later`(error: Errno) async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        fileSystem.set(.init(error: error), for: "at-once")
        fileSystem.set(.init(gate: gate, error: error), for: "later")
        try await SessionFixture.with(fileSystem) { mount async throws in
            #expect(try await mount.statusError("at-once") == error.rawValue)
            async let later = mount.statusError("later")
            await gate.waitForArrivals(1)
            #expect(mount.session.suspendedCount <= 1)
            gate.open()
            #expect(try await later == error.rawValue)
        }
    }

    @Test func `hundreds of calls at once each get the answer that is theirs`() async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        for index in 0..<100 {
            fileSystem.add(FileName("there-\(index)"), .bytes([UInt8](repeating: 0, count: index)))
            fileSystem.set(.init(gate: gate), for: FileName("there-\(index)"))
            fileSystem.set(.init(gate: gate, error: .ioError), for: FileName("broken-\(index)"))
            fileSystem.set(.init(gate: gate), for: FileName("missing-\(index)"))
        }
        try await SessionFixture.with(fileSystem) { mount async throws in
            let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let path = "\(mount.path)/there-\(index)"
                        return try await TestSupport.offPool {
                            var status = stat()
                            return lstat(path, &status) == 0 && status.st_size == index
                        }
                    }
                    group.addTask { try await mount.statusError("broken-\(index)") == EIO }
                    group.addTask { try await mount.statusError("missing-\(index)") == ENOENT }
                }
                await gate.waitForArrivals(300)
                gate.open()
                return try await group.reduce(into: [Bool]()) { $0.append($1) }
            }
            #expect(answers.count == 300)
            #expect(answers.allSatisfy { $0 })
        }
    }

    @Test func `two hundred suspended calls do not hold the only worker`() async throws {
        let fileSystem = MemoryFileSystem()
        let gate = Gate()
        for index in 0..<200 {
            fileSystem.add(FileName("slow-\(index)"), .bytes([]))
            fileSystem.set(.init(gate: gate), for: FileName("slow-\(index)"))
        }
        fileSystem.add("fast", .bytes(Array("quick".utf8)))
        try await SessionFixture.with(fileSystem, { $0.workerCount = 1 }) { mount async throws in
            try await withThrowingTaskGroup(of: Int32?.self) { group in
                for index in 0..<200 { group.addTask { try await mount.statusError("slow-\(index)") } }
                await gate.waitForArrivals(200)
                #expect(try await mount.statusError("fast") == nil)
                #expect(try await mount.read("fast") == Array("quick".utf8))
                #expect(try await mount.statusError("missing") == ENOENT)
                gate.open()
                for try await error in group { #expect(error == nil) }
            }
        }
    }

    /// Prints what each call on a file's extended attributes gives, or its errno.
    private static let attributesProgram = """
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        def get(name, size):
            value = ctypes.create_string_buffer(max(1, size))
            count = libc.getxattr(sys.argv[1].encode(), name, value if size else None, size)
            print(ctypes.get_errno() if count < 0 else value.raw[:count].decode() if size else count)
        get(b"user.kind", 0)
        get(b"user.kind", 16)
        get(b"user.kind", 6)
        get(b"user.kind", 5)
        get(b"user.other", 16)
        try:
            print(*os.listxattr(sys.argv[1]))
        except OSError as error:
            print(error.errno)
        """

    @Test func `extended attributes are told with their size, or not fitting`() async throws {
        let fileSystem = MemoryFileSystem()
        fileSystem.add("file", .bytes([]))
        try await SessionFixture.with(fileSystem, { $0.hasExtendedAttributes = true }) { mount async throws in
            let output = try await ChildProcess.run(["python3", "-c", Self.attributesProgram, "\(mount.path)/file"])
            #expect(output.lines == ["6", "memory", "memory", "\(ERANGE)", "\(ENODATA)", "user.kind user.é"])
        }
    }

    @Test func `without extended attributes the kernel asks once for the whole mount`() async throws {
        let fileSystem = MemoryFileSystem()
        for index in 0..<5 { fileSystem.add(FileName("file-\(index)"), .bytes([])) }
        try await SessionFixture.with(fileSystem) { mount async throws in
            for index in 0..<5 {
                let file = "\(mount.path)/file-\(index)"
                let output = try await ChildProcess.run(["python3", "-c", Self.attributesProgram, file])
                #expect(output.lines == [String](repeating: "\(ENOTSUP)", count: 5) + [output.lines.last ?? ""])
            }
            #expect(mount.requestCount("getxattr") == 1)
            #expect(mount.requestCount("listxattr") <= 1)
        }
    }

    @Test func `files and directories are opened and closed without a request`() async throws {
        let fileSystem = MemoryFileSystem()
        for index in 0..<20 { fileSystem.add(FileName("file-\(index)"), .bytes([1])) }
        try await SessionFixture.with(fileSystem) { mount async throws in
            for index in 0..<20 { #expect(try await mount.read("file-\(index)") == [1]) }
            let listing = try await ChildProcess.run(["ls", mount.path])
            #expect(listing.lines.count == 20)
            #expect(mount.requestCount("open") == 1)
            #expect(mount.requestCount("opendir") == 1)
            #expect(mount.requestCount("release") == 0)
            #expect(mount.requestCount("releasedir") == 0)
            // One, unless programs started by other tests close their copies of the descriptor at the same moment.
            #expect(mount.requestCount("flush") < 10)
        }
    }

    @Test func `statfs tells counts and the longest name`() async throws {
        try await SessionFixture.with(MemoryFileSystem()) { mount async throws in
            try await mount.offPool { mount in
                var status = statvfs()
                try check(statvfs(mount.path, &status))
                #expect(status.f_files == 1)
                #expect(status.f_blocks == 2 && status.f_frsize == 4096)
                #expect(status.f_bfree == 0 && status.f_bavail == 0)
                #expect(status.f_namemax == 255)
            }
        }
    }
}
