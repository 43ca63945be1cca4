import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// A mount that cannot be made: one line that says what happened and what to do, mount(8)'s exit code, nothing left.
struct StartTests {
    static let library: Workspace = ["acme": [.init("support", versions: [.init("one")])]]

    /// In the foreground, and as users start it.
    static let ways: [[String]] = [["--foreground"], []]

    /// Runs `mount.claro` on a new directory and requires that it leaves nothing.
    private func fail(
        _ source: String,
        way: [String],
        options: [String] = [],
        environment: [String: String] = ["BAYT_API_KEY": MountFixture.key],
        status: Int32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await ScratchDirectory.with { scratch in
            let place = try scratch.makeDirectory("mount")
            let all = ["cache=\(scratch.path)/cache", "timeout=5"] + options
            let words = [try MountFixture.program("mount.claro"), source, place, "-o", all.joined(separator: ",")]
            let end = try await ChildProcess.run(words + way, environment: environment, timeout: 60)
            #expect(end.status == status, "\(end.errors)", sourceLocation: sourceLocation)
            #expect(end.text == "", sourceLocation: sourceLocation)
            #expect(end.errors.hasPrefix("mount.claro: "), "\(end.errors)", sourceLocation: sourceLocation)
            #expect(end.errors.count { $0.isNewline } == 1, "\(end.errors)", sourceLocation: sourceLocation)
            #expect(end.errors.hasSuffix("\n"), sourceLocation: sourceLocation)
            #expect(try await !isMounted(place), sourceLocation: sourceLocation)
            let processes = try await ChildProcess.run(["pgrep", "-f", "[m]ount.claro .*\(place)"])
            #expect(processes.text == "", sourceLocation: sourceLocation)
            return end.errors.replacing(scratch.path, with: "SCRATCH")
        }
    }

    @Test(arguments: ways)
    func `a key that is not accepted`(way: [String]) async throws {
        let emulator = try await Emulator.start(Self.library, configuration: .init { $0.keys = .only(["sk_other"]) })
        let message = try await fail(emulator.url, way: way, status: 32)
        #expect(
            message
                == "mount.claro: \(emulator.url) does not accept the key in $BAYT_API_KEY: make a new one in Claro under API Keys\n"
        )
        await emulator.stop()
    }

    @Test(arguments: ways)
    func `no key`(way: [String]) async throws {
        let environment = ["HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"]
        let message = try await fail("claro", way: way, environment: environment, status: 1)
        #expect(message.contains("no API key found in $BAYT_API_KEY, /nonexistent/claro/credentials"))
    }

    @Test(arguments: ways)
    func `a key file that others can read`(way: [String]) async throws {
        try await ScratchDirectory.with { scratch in
            let file = try scratch.write("sk_key".utf8, to: "key", mode: 0o644)
            let options = ["credentials=\(file)"]
            let message = try await fail("claro", way: way, options: options, environment: [:], status: 1)
            #expect(
                message
                    == "mount.claro: refusing the API key in \(file): others may read it (mode 644); chmod 600 it\n"
            )
        }
    }

    @Test(arguments: ways)
    func `a host where nobody listens`(way: [String]) async throws {
        let emulator = try await Emulator.start(Self.library)
        await emulator.stop()
        let message = try await fail(emulator.url, way: way, status: 32)
        #expect(message.hasPrefix("mount.claro: \(emulator.url) cannot be reached: "))
        #expect(message.hasSuffix(": check address and network, or mount with -o lazy\n"))
    }

    @Test(arguments: ways)
    func `a host that does not exist`(way: [String]) async throws {
        let message = try await fail("https://no-such-host.invalid", way: way, status: 32)
        #expect(message.hasPrefix("mount.claro: https://no-such-host.invalid cannot be reached: "))
    }

    @Test(arguments: ways)
    func `a host that does not answer`(way: [String]) async throws {
        let emulator = try await Emulator.start(Self.library)
        emulator.inject(.noAnswer)
        let message = try await fail(emulator.url, way: way, options: ["timeout=1"], status: 32)
        #expect(message.hasPrefix("mount.claro: \(emulator.url) cannot be reached: no answer within 1 s"))
        await emulator.stop()
    }

    @Test(arguments: ways)
    func `a server that is no Claro API`(way: [String]) async throws {
        let emulator = try await Emulator.start(Self.library)
        for fault in [Fault.status(404), .wrongContentType, .garbage, .body(Array("[]".utf8)), .malformedHTTP] {
            emulator.clearFaults()
            emulator.inject(fault)
            let message = try await fail(emulator.url, way: way, status: 32)
            #expect(message.hasPrefix("mount.claro: \(emulator.url) does not answer like Claro's API ("))
            #expect(message.hasSuffix("): check the address\n"))
        }
        await emulator.stop()
    }

    @Test(arguments: ways)
    func `a certificate that nobody vouches for`(way: [String]) async throws {
        let emulator = try await Emulator.start(Self.library)
        let front = try await offPool { try TLSFront(to: emulator) }
        let message = try await fail(front.url, way: way, status: 32)
        #expect(message.hasPrefix("mount.claro: \(front.url) cannot be trusted: "))
        #expect(message.hasSuffix(": check the address, or give its authority with -o cafile\n"))
        try await offPool { front.stop() }
        await emulator.stop()
    }

    @Test(arguments: ways)
    func `a cache directory of somebody else`(way: [String]) async throws {
        let emulator = try await Emulator.start(Self.library)
        try await ScratchDirectory.with { scratch in
            let cache = try scratch.makeDirectory("foreign")
            chmod(cache, 0o700)
            try check(chown(cache, 65_534, 65_534))
            let message = try await fail(emulator.url, way: way, options: ["cache=\(cache)"], status: 1)
            #expect(
                message
                    == "mount.claro: using the cache directory \(cache) failed: it belongs to somebody else, or is open to others: chmod 700 it, or choose another with -o cache=DIR\n"
            )
        }
        await emulator.stop()
    }

    @Test(arguments: ways)
    func `no device`(way: [String]) async throws {
        try await ScratchDirectory.with { scratch in
            let place = try scratch.makeDirectory("mount")
            let empty = try scratch.makeDirectory("dev")
            // A private view of the machine, in which /dev has no fuse.
            let line = """
                for name in null zero urandom; do touch "$2/$name"; mount --bind "/dev/$name" "$2/$name"; done
                mount --bind "$2" /dev && exec "$0" claro "$1" \(way.joined(separator: " "))
                """
            let end = try await ChildProcess.run(
                ["unshare", "-m", "bash", "-c", line, try MountFixture.program("mount.claro"), place, empty],
                environment: ["BAYT_API_KEY": MountFixture.key]
            )
            #expect(end.status == 2)
            #expect(
                end.errors
                    == "mount.claro: /dev/fuse is missing: load the module with `modprobe fuse`, or start the container with --device /dev/fuse\n"
            )
        }
    }

    @Test func `a mount in the background returns when it is usable`() async throws {
        let emulator = try await Emulator.start(Self.library)
        try await ScratchDirectory.with { scratch in
            let place = try scratch.makeDirectory("mount")
            let end = try await ChildProcess.run(
                [try MountFixture.program("mount.claro"), emulator.url, place, "-o", "cache=\(scratch.path)/cache"],
                environment: ["BAYT_API_KEY": MountFixture.key]
            )
            #expect(end.status == 0)
            #expect(end.text == "" && end.errors == "")
            let text = try await ChildProcess.run(["cat", "\(place)/@acme/support/v1/content.md"])
            #expect(text.text == "one")
            let again = try await ChildProcess.run(
                [try MountFixture.program("mount.claro"), emulator.url, place],
                environment: ["BAYT_API_KEY": MountFixture.key]
            )
            #expect(again.status == 32)
            #expect(
                again.errors
                    == "mount.claro: \(place) has a Claro library mounted (\(emulator.url)): `umount \(place)` ends it\n"
            )
            #expect(try await ChildProcess.run(["umount", place]).status == 0)
            try await eventually { try await ChildProcess.run(["pgrep", "-f", "[m]ount.claro .*\(place)"]).text == "" }
        }
        await emulator.stop()
    }

    /// autofs lets nobody else come near a mount point that waits for its mount.
    @Test func `the background process leaves the process group when the mount is usable, not before`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let place = try store.scratch.makeDirectory("mount")
            store.emulator.inject(.hang)
            let starter = try await ChildProcess.start(
                [try MountFixture.program("mount.claro"), store.emulator.url, place, "-o", "cache=none"],
                environment: ["BAYT_API_KEY": MountFixture.key]
            )
            // The starter, the process that mounts, and their group.
            let groups = "ps -o pgid= -p $(pgrep -d , -f '[m]ount.claro .*\(place)') | sort -u | wc -l"
            try await eventually { store.emulator.requests.total > 0 }
            #expect(try await store.output(of: groups) == "1\n")
            #expect(try await store.output(of: "pgrep -c -f '[m]ount.claro .*\(place)'") == "2\n")
            store.emulator.clearFaults()
            #expect(try await starter.end().status == 0)
            let session = "p=$(pgrep -f '[m]ount.claro .*\(place)'); test $(ps -o sid= -p $p) = $p; umount \(place)"
            try await store.output(of: session)
            try await eventually { try await ChildProcess.run(["pgrep", "-f", "[m]ount.claro .*\(place)"]).text == "" }
        }
    }
}
