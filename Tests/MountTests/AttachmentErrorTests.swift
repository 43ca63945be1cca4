import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What reading an attachment comes to when the API or the storage host fails.
struct AttachmentErrorTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fault: Fault
        let operation: ClaroEmulator.Operation
        let errno: POSIXErrorCode
        var options: [String] = []

        init(
            _ name: String,
            _ fault: Fault,
            on operation: ClaroEmulator.Operation,
            _ errno: POSIXErrorCode,
            options: [String] = []
        ) {
            testDescription = "\(operation.rawValue): \(name)"
            self.fault = fault
            self.operation = operation
            self.errno = errno
            self.options = options
        }
    }

    static let rows = [
        Row("404", .status(404), on: .downloadURL, .ENOENT),
        Row("403", .status(403), on: .downloadURL, .EACCES),
        Row("401", .status(401), on: .downloadURL, .EACCES),
        Row("429 beyond the deadline", .rateLimit(retryAfter: 600), on: .downloadURL, .EAGAIN),
        Row("500", .status(500), on: .downloadURL, .EIO),
        Row("garbage", .garbage, on: .downloadURL, .EIO),
        Row("silence", .noAnswer, on: .downloadURL, .ETIMEDOUT, options: ["timeout=3"]),
        Row("403, also with a new URL", .status(403), on: .storage, .EIO),
        Row("500", .status(500), on: .storage, .EIO),
        Row("503", .status(503), on: .storage, .EIO),
        Row("429 beyond the deadline", .rateLimit(retryAfter: 600), on: .storage, .EAGAIN),
        Row("a body that is cut off", .cutBody(after: 1_000), on: .storage, .EIO),
        Row("a body that is cut to nothing", .cutBody(after: 0), on: .storage, .EIO),
        Row("a reset after the headers", .reset(after: .headers), on: .storage, .EIO),
        Row("a reset connection", .reset(after: .nothing), on: .storage, .EIO),
        Row("no HTTP", .malformedHTTP, on: .storage, .EIO),
        Row("silence", .noAnswer, on: .storage, .ETIMEDOUT, options: ["timeout=3"]),
        Row("not a byte for ten seconds", .noAnswer, on: .storage, .ETIMEDOUT),
    ]

    static let attachment = Workspace.Attachment.synthetic(seed: 7, byteCount: 300_000)
    static let library: Workspace = [
        "acme": [.init("support", versions: [.init("one", context: [.file("data.bin", attachment)])])]
    ]
    static let file = "@acme/support/v1/context/data.bin"

    static func bytes() throws -> [UInt8] { try attachment.read(0..<attachment.byteCount) }

    @Test(arguments: rows)
    func `a failed download is an errno, and the next read begins anew`(_ row: Row) async throws {
        try await MountFixture.with(Self.library, options: row.options) { mount async throws in
            mount.emulator.inject(row.fault, on: .operation(row.operation))
            #expect(try await mount.readError(Self.file) == row.errno)
            mount.emulator.clearFaults()
            // A 429 that asked for ten minutes is obeyed.
            guard row.errno != .EAGAIN || row.operation == .storage else { return }
            // One that is silent goes on for the others until ten seconds are over.
            try await eventually { try await mount.readError(Self.file) == nil }
            #expect(try await mount.read(Self.file) == Self.bytes())
        }
    }

    @Test func `a storage host that is gone is EHOSTUNREACH, and what was read before stays`() async throws {
        let library: Workspace = [
            "acme": [
                .init(
                    "support",
                    versions: [
                        .init("one", context: [.file("data.bin", Self.attachment), .file("new.bin", .text("new"))])
                    ]
                )
            ]
        ]
        try await MountFixture.with(library) { mount async throws in
            #expect(try await mount.read(Self.file) == Self.bytes())
            await mount.emulator.stop()
            #expect(try await mount.readError("@acme/support/v1/context/new.bin") == .EHOSTUNREACH)
            try await dropPages(of: "\(mount.path)/\(Self.file)")
            #expect(try await mount.read(Self.file) == Self.bytes())
        }
    }

    @Test func `a signed URL that is refused is renewed once`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.status(403), on: .storage, times: 1)
            #expect(try await mount.read(Self.file) == Self.bytes())
            #expect(mount.emulator.requests.count(of: .downloadURL) == 2)
            #expect(mount.emulator.requests.count(of: .storage) == 2)
        }
    }

    @Test func `a signed URL that is refused again is not renewed again`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.status(403), on: .storage)
            #expect(try await mount.readError(Self.file) == .EIO)
            // The kernel reads ahead first and then once more for the reader itself: each two URLs at most, and the
            // second goes on with the first one's last.
            #expect(mount.emulator.requests.count(of: .downloadURL) <= 4)
            #expect(mount.emulator.requests.count(of: .storage) <= 4)
        }
    }

    @Test func `a file in segments renews URLs that work once`() async throws {
        let large = Workspace.Attachment.synthetic(seed: 8, byteCount: 40 << 20)
        let library: Workspace = [
            "acme": [.init("support", versions: [.init("one", context: [.file("data.bin", large)])])]
        ]
        let configuration = Emulator.Configuration { $0.signedURLsWorkOnce = true }
        try await MountFixture.with(library, configuration: configuration) { mount async throws in
            #expect(try await mount.read(Self.file) == large.read(0..<large.byteCount))
        }
    }

    @Test func `a slow file is read as long as bytes come`() async throws {
        try await MountFixture.with(Self.library, options: ["timeout=3"]) { mount async throws in
            mount.emulator.inject(.slowDrip(bytesPerSecond: 60_000), on: .storage)
            #expect(try await mount.read(Self.file) == Self.bytes())
        }
    }
}

/// Has the kernel forget a file's pages: the next read asks the daemon.
func dropPages(of path: String) async throws {
    try await offPool {
        let descriptor = try check(open(path, O_RDONLY))
        defer { close(descriptor) }
        let error = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        #expect(error == 0)
    }
}
