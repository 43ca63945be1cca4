import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What a service manager hears of the daemon, as sd_notify(3) has it; the manager is a real socket.
struct ServiceManagerTests {
    static let library: Workspace = ["acme": [.init("support", versions: [.init("one")])]]

    @Test(arguments: [true, false])
    func `a service manager hears when the mount is usable, and when it ends`(hasPath: Bool) async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let name = hasPath ? "\(store.scratch.path)/notify" : "@claro-test-\(UUID().uuidString)"
            let manager = try NotificationListener(name)
            store.emulator.inject(.hang)
            async let mount = MountFixture.start(
                store.emulator,
                in: store.scratch,
                environment: ["BAYT_API_KEY": MountFixture.key, "NOTIFY_SOCKET": name]
            )
            #expect(try await manager.next() == "STATUS=asking \(store.emulator.url) for the library\n")
            store.emulator.clearFaults()
            try await mount.run { mount async throws in
                let state = "\(store.emulator.url) is mounted on \(mount.path)"
                #expect(try await manager.next() == "READY=1\nSTATUS=\(state)\n")
                #expect(try await mount.text("@acme/support/v1/content.md") == "one")
                #expect(!manager.hasMore)
                mount.daemon.signal(SIGTERM)
                #expect(try await manager.next() == "STOPPING=1\nSTATUS=unmounting \(mount.path)\n")
                #expect(try await manager.next() == "STOPPING=1\nSTATUS=\(mount.path) is unmounted\n")
            }
            #expect(!manager.hasMore)
        }
    }

    @Test func `a mount in the background is no service, though a service may start it`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let manager = try NotificationListener("\(store.scratch.path)/notify")
            let place = try store.scratch.makeDirectory("mount")
            let end = try await ChildProcess.run(
                [try MountFixture.program("mount.claro"), store.emulator.url, place, "-o", "cache=none"],
                environment: ["BAYT_API_KEY": MountFixture.key, "NOTIFY_SOCKET": "\(store.scratch.path)/notify"]
            )
            #expect(end.status == 0, "\(end.errors)")
            let daemon = try await store.output(of: "pgrep -f '[m]ount.claro .*\(place)'").dropLast()
            try await store.output(of: "! grep -q NOTIFY /proc/\(daemon)/environ")
            try await store.output(of: "umount \(place)")
            try await eventually { try await ChildProcess.run(["pgrep", "-f", "[m]ount.claro .*\(place)"]).text == "" }
            #expect(!manager.hasMore)
        }
    }

    @Test func `a service manager that does not listen is no obstacle`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let mount = try await MountFixture.start(
                store.emulator,
                in: store.scratch,
                environment: ["BAYT_API_KEY": MountFixture.key, "NOTIFY_SOCKET": "/nonexistent/notify"]
            )
            try await mount.run { mount async throws in
                #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            }
        }
    }
}

/// A service manager's end of `$NOTIFY_SOCKET`.
private final class NotificationListener: Sendable {
    private let descriptor: Int32

    /// Listens at a path, or at `@` and a name that is in no filesystem (unix(7)).
    init(_ name: String) throws {
        descriptor = try check(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if name.hasPrefix("@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try check(result)
        var longestWait = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &longestWait, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// The next message, waited for.
    func next() async throws -> String {
        try await offPool { [descriptor] in
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = try check(recv(descriptor, &bytes, bytes.count, 0))
            return String(decoding: bytes[..<count], as: UTF8.self)
        }
    }

    /// Whether messages have come that nobody has read.
    var hasMore: Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, 0) != 0
    }
}
