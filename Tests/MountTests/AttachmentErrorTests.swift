import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What reading an attachment comes to when the API or the storage host fails.
struct AttachmentErrorTests {
    static let attachment = Workspace.Attachment.synthetic(seed: 7, byteCount: 300_000)
    static let library: Workspace = [
        "acme": [.init("support", versions: [.init("one", context: [.file("data.bin", attachment)])])]
    ]
    static let file = "@acme/support/v1/context/data.bin"

    static func bytes() throws -> [UInt8] { try attachment.read(0..<attachment.byteCount) }

    @Test(arguments: [Fault.status(500), .cutBody(after: 1_000), .reset(after: .headers), .noAnswer])
    func `a failed download is an errno, and the next read begins anew`(_ fault: Fault) async throws {
        try await MountFixture.with(Self.library, options: ["timeout=2"]) { mount async throws in
            mount.emulator.inject(fault, on: .storage)
            #expect(try await mount.readError(Self.file) != nil)
            mount.emulator.clearFaults()
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
            // The kernel reads ahead first and then once more for the reader itself, who gets the same answer if that
            // comes soon.
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
