import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// An inode stands for one immutable body.
struct InodeTests {
    private static let library: Workspace = [
        "acme": [
            .init(
                "support",
                versions: [.init("same", system: "same"), .init("same", context: [.file("same.txt", .text("same"))])],
                draft: .init(String(repeating: "old ", count: 100_000))
            ),
            .init("twin", versions: [.init("same")]),
        ]
    ]

    @Test func `no two paths share an inode number, whatever they contain`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let unlisted = "@acme/support/v0 @acme/support:v1 @acme/support/v1,a=b/ @other @other2 .claro"
            let output = try await mount.output(of: "find . \(unlisted) -printf '%p %i\\n' | sort -u")
            let numbers = output.split(separator: "\n").compactMap { $0.split(separator: " ").last }
            #expect(numbers.count > 30)
            #expect(Set(numbers).count == numbers.count, "\(output)")
        }
    }

    @Test func `readdir and stat tell one number`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let script = """
                import os
                for directory, names, files in os.walk('.'):
                    for entry in os.scandir(directory):
                        assert entry.inode() == os.lstat(entry.path).st_ino, entry.path
                """
            #expect(try await mount.output(of: "python3 -c \"\(script)\"") == "")
        }
    }

    @Test func `what has not changed keeps its number when the kernel has forgotten it`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1h", "draft_ttl=0"]) { mount async throws in
            let line = "find . @acme/support/v0 @acme/support:v1 -printf '%p %i\\n' | sort"
            // The first look has the draft listed.
            try await mount.waitUntil("the draft is not listed") { () async throws in
                try await mount.output(of: line).contains("./@acme/support/v0 ")
            }
            let before = try await mount.output(of: line)
            try await mount.output(of: "echo 2 > /proc/sys/vm/drop_caches")
            mount.daemon.signal(SIGHUP)
            try #require(await mount.daemon.waitForError("reading credentials again"))
            #expect(try await mount.output(of: line) == before)
        }
    }

    @Test func `a draft that changed has another number, and who had it open reads the old one to its end`()
        async throws
    {
        try await MountFixture.with(Self.library, options: ["draft_ttl=50ms"]) { mount async throws in
            let name = "@acme/support/v0/content.md"
            let path = "\(mount.path)/\(name)"
            let descriptor = try await offPool { try check(open(path, O_RDONLY)) }
            defer { close(descriptor) }
            let old = try await mount.status(name)
            mount.emulator.update { $0["acme", "support"]?.draft = .init("new") }
            try await mount.waitUntil("the draft is the old one still") { () async throws in
                try await mount.text(name) == "new"
            }
            let new = try await mount.status(name)
            #expect(new.st_ino != old.st_ino)
            #expect(new.st_size == 3)
            let (rest, size) = try await offPool {
                // The pages may be in the kernel; the daemon must have them too.
                posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                while case let count = try check(Glibc.read(descriptor, &buffer, buffer.count)), count > 0 {
                    bytes += buffer[..<count]
                }
                var status = stat()
                try check(fstat(descriptor, &status))
                return (bytes, status.st_size)
            }
            #expect(rest == Array(String(repeating: "old ", count: 100_000).utf8))
            #expect(size == 400_000)
        }
    }

    @Test func `a draft that comes back unchanged keeps its number`() async throws {
        try await MountFixture.with(Self.library, options: ["draft_ttl=50ms"]) { mount async throws in
            let names = ["content.md", "metadata.json"].map { "@acme/support/v0/\($0)" }
            var before: [UInt] = []
            for name in names { before.append(try await mount.status(name).st_ino) }
            let asked = mount.emulator.requests.total
            try await mount.waitUntil("the draft is not renewed") { () async throws in
                _ = try await mount.status(names[0])
                return mount.emulator.requests.total >= asked + 2
            }
            // Each answer has a `generatedAt` of its own.
            for (name, number) in zip(names, before) { #expect(try await mount.status(name).st_ino == number) }
        }
    }
}
