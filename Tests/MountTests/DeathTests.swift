import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Daemons that end without being asked to, or are kept from running: what users of the mount see, and what cleans up.
struct DeathTests {
    static let library: Workspace = [
        "acme": [
            .init("support", versions: [.init("one"), .init("two")]),
            // More than a daemon may take that has just run out of memory.
            .init("huge", versions: [.init("", body: [UInt8](repeating: 0x20, count: 60 << 20))]),
        ]
    ]

    static let reading = ["cat", "@acme/support/v2/content.md"]

    enum Death: String, CaseIterable, Sendable {
        case crash, abortion, kill, lackOfMemory
    }

    @Test(arguments: Death.allCases)
    func `whatever ends a daemon, who waits gets an error, and the next mount there just works`(
        _ death: Death
    ) async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let mount = try await MountFixture.start(store.emulator, in: store.scratch)
            #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            store.emulator.inject(.hang, on: .operation(.getPrompt, subject: "@acme/support:v2"))
            let waiting = try await ChildProcess.start(Self.reading, directory: mount.path)
            await store.emulator.requests.wait(for: 2, of: .getPrompt)
            try await end(mount, by: death)
            #expect(try await mount.daemon.end().status > 128)
            let end = try await waiting.end()
            #expect(end.status == 1)
            #expect(end.errors.contains("Software caused connection abort"))
            #expect(try await mount.lookupError("@acme/other") == .ENOTCONN)
            #expect(try await isMounted(mount.path))
            store.emulator.clearFaults()

            try await store.mount { mount async throws in
                #expect(try await mount.text("@acme/support/v1/content.md") == "one")
                #expect(try await mount.text("@acme/support/v2/content.md") == "two")
            }
            #expect(try await !isMounted(mount.path))
        }
    }

    @Test func `a daemon that is killed while it waits for the kernel hangs nobody`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let mount = try await MountFixture.start(store.emulator, in: store.scratch)
            #expect(try await mount.target("@acme/support/latest") == "v2")
            // A lookup holds the lock of its directory, which the kernel needs to drop a name in there.
            store.emulator.inject(.hang, on: .operation(.getPrompt, subject: "@acme/support:v9"))
            let waiting = try await ChildProcess.start(["stat", "@acme/support/v9"], directory: mount.path)
            await store.emulator.requests.wait(for: 1, of: .getPrompt)
            mount.daemon.signal(SIGHUP)
            let states = "cat /proc/\(mount.daemon.processIdentifier)/task/*/stat"
            try await eventually { try await store.output(of: states).contains(") D ") }
            mount.daemon.signal(SIGKILL)
            let end = try await waiting.end()
            #expect(end.errors.contains("Software caused connection abort"))
            #expect(try await mount.daemon.end().status == 128 + SIGKILL)
            #expect(try await mount.lookupError("@acme/other") == .ENOTCONN)
            store.emulator.clearFaults()
            try await store.mount { mount async throws in
                #expect(try await mount.text("@acme/support/v2/content.md") == "two")
            }
        }
    }

    private func end(_ mount: MountFixture, by death: Death) async throws {
        switch death {
        case .crash: mount.daemon.signal(SIGSEGV)
        case .abortion: mount.daemon.signal(SIGABRT)
        case .kill: mount.daemon.signal(SIGKILL)
        case .lackOfMemory:
            let process = mount.daemon.processIdentifier
            let line = """
                size=$(awk '/VmSize/ { print $2 }' /proc/\(process)/status)
                prlimit --pid \(process) --as=$(((size << 10) + (16 << 20)))
                """
            #expect(try await ChildProcess.run(["bash", "-ec", line]).errors == "")
            #expect(try await mount.readError("@acme/huge/v1/content.md") == .ECONNABORTED)
        }
    }

    @Test func `a connection that is aborted ends the daemon and the mount`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let mount = try await MountFixture.start(store.emulator, in: store.scratch)
            store.emulator.inject(.hang, on: .getPrompt)
            let waiting = try await ChildProcess.start(Self.reading, directory: mount.path)
            await store.emulator.requests.wait(for: 1, of: .getPrompt)
            let connection = "/sys/fs/fuse/connections/\(try await mount.status("").st_dev)"
            // Not everywhere is it mounted.
            let line = "mount -t fusectl none /sys/fs/fuse/connections; echo 1 > \(connection)/abort"
            let abortion = try await ChildProcess.run(["unshare", "-m", "bash", "-ec", line])
            #expect(abortion.status == 0, "\(abortion.errors)")
            let end = try await waiting.end()
            #expect(end.errors.contains("Software caused connection abort"))
            #expect(try await mount.daemon.end().status == 0)
            #expect(try await !isMounted(mount.path))
            store.emulator.clearFaults()
            try await store.mount { mount async throws in
                #expect(try await mount.text("@acme/support/v2/content.md") == "two")
            }
        }
    }

    @Test func `who waits for a stopped daemon can be killed, and who goes on waiting sees what is new`() async throws {
        let latest = ["cat", "@acme/support/latest/content.md"]
        try await MountFixture.with(Self.library, options: ["ttl=1"]) { mount async throws in
            #expect(try await mount.names("@acme") == ["huge", "support"])
            #expect(try await mount.target("@acme/support/latest") == "v2")
            mount.daemon.signal(SIGSTOP)
            mount.emulator.update { library in
                library["acme", "support"]?.publish(.init("three"))
                library["acme", "new"] = .init("new", versions: [.init("new")])
            }
            // No waiting for something to be ready: the time itself is what is tested.
            try await Task.sleep(for: .seconds(3))
            let impatient = try await ChildProcess.start(latest, directory: mount.path)
            try await eventually { try await impatient.waitsInKernel() }
            impatient.signal(SIGKILL)
            #expect(try await impatient.end().status == 128 + SIGKILL)
            let reader = try await ChildProcess.start(latest, directory: mount.path)
            try await eventually { try await reader.waitsInKernel() }
            mount.daemon.signal(SIGCONT)
            #expect(try await reader.end().text == "three")
            // What the kernel has in its own pages it shows until the daemon runs, and can tell it.
            try await eventually { try await mount.names("@acme") == ["huge", "new", "support"] }
        }
    }
}
