import Glibc
import SystemPackage
import Testing

@testable import ClaroCommand
@testable import mount_claro

struct MountPointTests {
    @Test func `symbolic links and relative parts are resolved`() throws {
        try TemporaryDirectory.with { directory in
            mkdir("\(directory)/place", 0o700)
            symlink("place", "\(directory)/link")
            let mountPoint = try MountPoint("\(directory)/./link/../link", allowsNonEmpty: false)
            #expect(mountPoint.path.string == "\(directory)/place")
        }
    }

    @Test func `an empty text and a loop of links are refused`() throws {
        #expect(throws: MountFailure(.usage, "the mount point is empty")) {
            try MountPoint("", allowsNonEmpty: false)
        }
        try TemporaryDirectory.with { directory in
            symlink("loop", "\(directory)/loop")
            let message = "looking at \(directory)/loop failed: Too many levels of symbolic links"
            #expect(throws: MountFailure(.mountFailure, message)) {
                try MountPoint("\(directory)/loop", allowsNonEmpty: false)
            }
        }
    }

    @Test(.enabled(if: canMount), arguments: [["-f"], ["--foreground"]])
    func `a foreign mount that hangs is refused without asking it`(start: [String]) throws {
        try TemporaryDirectory.with { directory in
            let mount = try KernelMount(path: directory, type: "fuse.sshfs", source: "host:/dir")
            let command = try Command.run(start + [directory])
            #expect(command.exitCode == 32)
            let message = "\(directory) is in use: host:/dir (fuse.sshfs) is mounted there: choose another directory"
            #expect(command.errors == "mount.claro: \(message)\n")
            withExtendedLifetime(mount) {}
        }
    }

    @Test(.enabled(if: canMount))
    func `a living mount of ours is refused, also one that does not answer`() throws {
        try TemporaryDirectory.with { directory in
            let mount = try KernelMount(path: directory, type: "fuse.claro", source: "https://example.com")
            let command = try Command.run(["-f", directory])
            #expect(command.exitCode == 32)
            let message =
                "\(directory) has a Claro library mounted (https://example.com): `umount \(directory)` ends it"
            #expect(command.errors == "mount.claro: \(message)\n")
            withExtendedLifetime(mount) {}
        }
    }

    @Test(.enabled(if: canMount))
    func `dead mounts of ours are taken away, but not by a dry run`() throws {
        try TemporaryDirectory.with { directory in
            let mounts = try (0..<2).map { _ in try KernelMount(path: directory, type: "fuse.claro") }
            mounts.forEach { $0.kill() }
            func count() throws -> Int {
                try MountTable.current().mounts.count { $0.path.string == directory }
            }
            #expect(try MountPoint(directory, allowsNonEmpty: false, isDryRun: true).path.string == directory)
            #expect(try count() == 2)
            #expect(try MountPoint(directory, allowsNonEmpty: false).path.string == directory)
            #expect(try count() == 0)
            withExtendedLifetime(mounts) {}
        }
    }

    @Test(.enabled(if: canAutomount))
    func `an automount point is mounted over without looking into it`() throws {
        try TemporaryDirectory.with { directory in
            let automount = try KernelMount(automountAt: directory)
            let command = try Command.run(["-f", directory])
            #expect(command.errors == "")
            #expect(command.exitCode == 0)
            withExtendedLifetime(automount) {}
        }
    }

    @Test(.enabled(if: canMount))
    func `a dead mount of another program is refused`() throws {
        try TemporaryDirectory.with { directory in
            let mount = try KernelMount(path: directory, type: "fuse.sshfs")
            mount.kill()
            #expect(throws: MountFailure.self) { try MountPoint(directory, allowsNonEmpty: false) }
            #expect(try MountTable.current().mounts.contains { $0.path.string == directory })
        }
    }

    @Test func `a missing device says how to get it`() throws {
        let failure = try #require(throws: MountFailure.self) { try FUSEDevice.checkDevice("/nonexistent") }
        #expect(failure.exitCode == .system)
        #expect(failure.description.contains("modprobe fuse"))
    }

    @Test(.enabled(if: canMount))
    func `a remount changes the flags that are named and no others`() throws {
        try TemporaryDirectory.with { directory in
            let mount = try KernelMount(path: directory, type: "fuse.claro")
            func flags() throws -> MountFlags? {
                try MountTable.current().mounts.first { $0.path.string == directory }?.flags
            }
            let before = try #require(try flags())
            #expect(before.isSuperset(of: [.readOnly, .noSUID, .noDevices]))
            let dry = try Command.run([directory, "-f", "-o", "remount,rw"])
            #expect(dry.exitCode == 0)
            #expect(try flags() == before)
            let command = try Command.run(["claro", directory, "-o", "rw,remount,noexec,user_id=0,ttl=7"])
            #expect(command.errors == "")
            #expect(command.exitCode == 0)
            #expect(try flags() == before.subtracting(.readOnly).union(.noExecution))
            withExtendedLifetime(mount) {}
        }
    }

    @Test func `a remount of what is not ours is refused`() throws {
        for place in ["/proc", "/"] {
            let command = try Command.run([place, "-o", "remount,ro"])
            #expect(command.exitCode == 32)
            #expect(
                command.errors == "mount.claro: \(place) has no Claro library mounted that could be remounted\n"
            )
        }
    }
}
