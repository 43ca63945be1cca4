import FUSE
import Foundation
import Synchronization
import TestSupport
import Testing

/// A session of this process on a real mount. Whatever touches the mount runs off Swift's pool, which answers it.
struct SessionFixture: Sendable {
    let fileSystem: MemoryFileSystem
    let session: Session
    let invalidations: Invalidations
    let requests: RequestCounts
    let path: String
    let scratch: ScratchDirectory

    /// Mounts `fileSystem`, runs `body`, unmounts, and requires that all of the session ended, once.
    static func with(
        _ fileSystem: MemoryFileSystem,
        _ change: (inout Session.Options) -> Void = { _ in },
        _ body: (SessionFixture) async throws -> Void
    ) async throws {
        try await ScratchDirectory.with { scratch in
            var options = Session.Options(source: "memory", subtype: "claro-test")
            change(&options)
            let invalidations = Invalidations()
            let requests = RequestCounts()
            let fixture = SessionFixture(
                fileSystem: fileSystem,
                session: try Session(
                    options,
                    fileSystem: fileSystem,
                    invalidations: invalidations,
                    requestCounts: requests
                ),
                invalidations: invalidations,
                requests: requests,
                path: try scratch.makeDirectory("mount"),
                scratch: scratch
            )
            let ends = EndCount()
            try await fixture.offPool { try $0.session.mount(at: $0.path) }
            fixture.session.start { ends.add() }
            do {
                try await body(fixture)
            } catch {
                try await fixture.end()
                throw error
            }
            try await fixture.end()
            #expect(ends.value == 1)
            #expect(fixture.session.suspendedCount == 0)
            #expect(!fileSystem.wasForgottenTooOften)
        }
    }

    private func end() async throws {
        try await offPool { fixture in
            fixture.session.unmount(at: fixture.path)
            fixture.session.waitForEnd()
        }
    }

    // MARK: Using it

    /// Runs what blocks on a thread of its own.
    func offPool<Value: Sendable>(_ body: @escaping @Sendable (SessionFixture) throws -> Value) async throws -> Value {
        try await TestSupport.offPool { try body(self) }
    }

    /// The errno of `lstat`; nil: it succeeded.
    func statusError(_ name: String) async throws -> Int32? {
        try await offPool { fixture in
            var status = stat()
            return lstat("\(fixture.path)/\(name)", &status) == 0 ? nil : errno
        }
    }

    /// The first `count` bytes at `offset`, read past the page cache if `isDirect`.
    func read(_ name: String, at offset: Int = 0, count: Int = 1 << 22, isDirect: Bool = false) async throws -> [UInt8]
    {
        try await offPool { fixture in
            let descriptor = try check(open("\(fixture.path)/\(name)", O_RDONLY | (isDirect ? Self.directIO : 0)))
            defer { close(descriptor) }
            // O_DIRECT wants aligned memory of some filesystems, though not of FUSE.
            return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                while filled < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    let got = try check(pread(descriptor, rest.baseAddress, rest.count, offset + filled))
                    guard got > 0 else { return }
                    filled += got
                }
            }
        }
    }

    /// `O_DIRECT` (asm/fcntl.h), which Glibc's module leaves out.
    #if arch(arm64)
        private static let directIO: Int32 = 0o200000
    #else
        private static let directIO: Int32 = 0o40000
    #endif

    /// How often the kernel has sent a request.
    func requestCount(_ opcode: String) -> UInt64 { requests.byName.first { $0.name == opcode }?.count ?? 0 }

    /// Asks the kernel to let go of all inodes that nothing uses, until it has: they come back as FORGETs, a little later.
    func dropCaches(until isDone: @Sendable (MemoryFileSystem) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        repeat {
            try await TestSupport.offPool {
                try Data("2".utf8).write(to: URL(fileURLWithPath: "/proc/sys/vm/drop_caches"))
            }
        } while !isDone(fileSystem) && ContinuousClock.now < deadline
    }
}

/// Counts calls from any thread.
private final class EndCount: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add() { count.withLock { $0 += 1 } }
}

/// The result of a system call, or its errno as an error.
@discardableResult
func check<Result: SignedInteger>(_ result: Result) throws -> Result {
    guard result != -1 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    return result
}

/// Repeats a measurement that another program's `drop_caches` can spoil: some pass must be clean.
func expectCleanPass(_ pass: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    for _ in 0..<8 where try await pass() { return }
    Issue.record("no pass out of eight was clean", sourceLocation: sourceLocation)
}
