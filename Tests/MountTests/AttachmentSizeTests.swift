import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What `fileSize` says, and what is shown.
struct AttachmentSizeTests {
    typealias FileSize = Emulator.Configuration.FileSize

    private static let text = String(repeating: "0123456789", count: 1000)
    private static let library: Workspace = [
        "acme": [.init("support", versions: [.init("x", context: [.file("faq.txt", .text(text), id: "ctx_1")])])]
    ]
    private static let name = "@acme/support/v1/context/faq.txt"

    private static func with(
        _ fileSize: FileSize,
        acceptsRanges: Bool = true,
        _ body: (MountFixture) async throws -> Void
    ) async throws {
        let configuration = Emulator.Configuration {
            $0.fileSize = fileSize
            $0.acceptsRanges = acceptsRanges
        }
        try await MountFixture.with(library, configuration: configuration, body)
    }

    @Test(arguments: [FileSize.absent, .fixed(-1), .fixed(0), .fixed(1 << 62), .fixed((1 << 40) + 1)])
    func `a size that is absent, negative, zero or huge is measured before it is shown`(size: FileSize) async throws {
        try await Self.with(size) { mount async throws in
            #expect(try await mount.status(Self.name).st_size == Self.text.utf8.count)
            #expect(try await mount.text(Self.name) == Self.text)
            #expect(mount.emulator.requests.count(of: .downloadURL) == 1)
            #expect(mount.emulator.requests.count(of: .storage) == 1)
        }
    }

    @Test(arguments: [FileSize.absent, .fixed(-1), .fixed(1 << 62)])
    func `what ls -l shows of a size that is not told is the real one`(size: FileSize) async throws {
        try await Self.with(size) { mount async throws in
            #expect(try await mount.output(of: "ls -l @acme/support/v1/context | tail -n 1").contains(" 10000 "))
            #expect(try await mount.output(of: "find . -name faq.txt -printf '%s\\n'") == "10000\n")
        }
    }

    @Test func `a plausible size is believed without a request`() async throws {
        try await Self.with(.true) { mount async throws in
            #expect(try await mount.status(Self.name).st_size == Self.text.utf8.count)
            #expect(mount.emulator.requests.count(of: .downloadURL) == 0)
        }
    }

    @Test(arguments: [-9_999, -5_000, -1, 1, 5_000, 1_000_000] as [Int64], [true, false])
    func `a wrong size is corrected at the first read, and the whole file is served`(
        difference: Int64,
        acceptsRanges: Bool
    ) async throws {
        try await Self.with(.off(by: difference), acceptsRanges: acceptsRanges) { mount async throws in
            #expect(try await mount.status(Self.name).st_size == Self.text.utf8.count + Int(difference))
            #expect(try await mount.text(Self.name) == Self.text)
            #expect(try await mount.status(Self.name).st_size == Self.text.utf8.count)
            #expect(mount.emulator.requests.count(of: .storage) == 1)
            let copy = "\(mount.scratch.path)/copy"
            try await mount.output(
                of: "cp \(Self.name) \(copy) && cmp \(Self.name) \(copy) && tar c . | tar xO > /dev/null"
            )
        }
    }

    @Test(arguments: [-9_999, -1, 1, 1_000_000] as [Int64])
    func `whoever reads a file with a wrong size first gets it whole`(difference: Int64) async throws {
        for command in [
            "cat F", "head -c 20000 F", "dd if=F bs=1M status=none", "python3 -c 'print(open(\"F\").read(), end=\"\")'",
        ] {
            try await Self.with(.off(by: difference)) { mount async throws in
                let line = command.replacing("F", with: Self.name)
                #expect(try await mount.output(of: line) == Self.text, "\(line)")
            }
        }
    }

    @Test func `who looks at a file while its first bytes are on their way waits, and its reader gets it whole`()
        async throws
    {
        try await Self.with(.off(by: 5_000)) { mount async throws in
            mount.emulator.inject(.hang, on: .storage)
            async let text = mount.text(Self.name)
            await mount.emulator.requests.wait(for: 1, of: .storage)
            let before = try await mount.kernelRequests()["getattr", default: 0]
            async let size = mount.status(Self.name).st_size
            async let listed = mount.output(of: "ls -l @acme/support/v1/context | tail -n 1")
            try await mount.waitUntil("nobody looks") { () async throws in
                try await mount.kernelRequests()["getattr", default: 0] > before
            }
            mount.emulator.clearFaults()
            #expect(try await text == Self.text)
            #expect(try await size == 10_000)
            #expect(try await listed.contains(" 10000 "))
        }
    }

    @Test func `an attachment above 16 MiB with a wrong size is served whole`() async throws {
        let byteCount: Int64 = (17 << 20) + 12_345
        let attachment = Workspace.Attachment.synthetic(seed: 7, byteCount: byteCount)
        let library: Workspace = [
            "acme": [.init("support", versions: [.init("x", context: [.file("faq.txt", attachment, id: "ctx_1")])])]
        ]
        let bytes = try attachment.read(0..<byteCount)
        for difference in [-100, 100, -(9 << 20), 9 << 20] as [Int64] {
            let configuration = Emulator.Configuration { $0.fileSize = .off(by: difference) }
            try await MountFixture.with(library, configuration: configuration) { mount async throws in
                #expect(try await mount.read(Self.name) == bytes, "\(difference)")
                #expect(try await mount.status(Self.name).st_size == byteCount, "\(difference)")
            }
        }
    }

    @Test func `a corrected size stays when the kernel has forgotten it`() async throws {
        try await Self.with(.off(by: 500)) { mount async throws in
            _ = try await mount.read(Self.name)
            try await mount.output(of: "echo 2 > /proc/sys/vm/drop_caches")
            #expect(try await mount.status(Self.name).st_size == Self.text.utf8.count)
            #expect(try await mount.output(of: "ls -l @acme/support/v1/context | tail -n 1").contains(" 10000 "))
        }
    }

    @Test func `an attachment that is empty is an empty file`() async throws {
        let library: Workspace = [
            "acme": [.init("support", versions: [.init("x", context: [.file("faq.txt", .bytes([]), id: "ctx_1")])])]
        ]
        for size in [FileSize.true, .absent, .fixed(7)] {
            let configuration = Emulator.Configuration { $0.fileSize = size }
            try await MountFixture.with(library, configuration: configuration) { mount async throws in
                #expect(try await mount.read(Self.name) == [])
                #expect(try await mount.status(Self.name).st_size == 0)
            }
        }
    }

    @Test func `more attachments are read than a process may have open files`() async throws {
        let count = 300
        let items = (0..<count).map { Workspace.ContextItem.file("file\($0).txt", .text("text \($0)\n")) }
        let library: Workspace = ["acme": [.init("support", versions: [.init("x", context: items)])]]
        try await StoreFixture.with(library) { store async throws in
            let mount = try await MountFixture.start(store.emulator, in: store.scratch, preparation: "ulimit -n 256")
            try await mount.run { mount async throws in
                let texts = try await mount.output(of: "cd @acme/support/v1/context; cat $(ls -v)")
                #expect(texts == (0..<count).map { "text \($0)\n" }.joined())
                let descriptors = "/proc/\(mount.daemon.processIdentifier)/fd"
                try await mount.waitUntil("files stay open") { () async throws in
                    try await mount.output(of: "ls -l \(descriptors) | grep -c /cache/.*/[0-9a-f]*$ || true") == "0\n"
                }
            }
        }
    }
}
