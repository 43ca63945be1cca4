import Glibc
import SystemPackage
import Testing

@testable import ClaroCommand
@testable import mount_claro

/// Whether these tests may mount: they need root and `/dev/fuse`.
let canMount = geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0

/// Whether an automount point can be made here, too.
let canAutomount =
    canMount
    && (try? ProcFile.bytes("/proc/filesystems")).map { String(decoding: $0, as: UTF8.self) }?
        .contains("\tautofs\n") == true

/// A FUSE mount whose daemon never answers: every call that asks it waits, until the connection is cut.
final class KernelMount {
    let path: String
    private var connection: Int32
    /// Where an automounter would read what to mount.
    private var automounter: FileDescriptor?

    init(path: String, type: String, source: String = "claro") throws {
        self.path = path
        connection = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        try #require(connection >= 0)
        let data = "fd=\(connection),rootmode=40000,user_id=0,group_id=0"
        let flags = MountFlags([.readOnly, .noSUID, .noDevices]).rawValue
        let result = data.withCString { mount(source, path, type, flags, $0) }
        guard result == 0 else {
            close(connection)
            throw Errno(rawValue: errno)
        }
    }

    /// An automount point as systemd makes it, whose mount never comes: looking into it waits.
    init(automountAt path: String) throws {
        self.path = path
        let ends = try FileDescriptor.pipe()
        automounter = ends.readEnd
        connection = ends.writeEnd.rawValue
        for end in [ends.readEnd, ends.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
        // Processes of the automounter's group, here init's, do not wait.
        let data = "fd=\(connection),pgrp=1,minproto=5,maxproto=5,direct"
        let result = data.withCString { mount("systemd-1", path, "autofs", 0, $0) }
        guard result == 0 else {
            close(connection)
            throw Errno(rawValue: errno)
        }
    }

    /// Ends the daemon, as the kernel sees it: from now on every call fails with ENOTCONN.
    func kill() {
        close(connection)
        connection = -1
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        if connection >= 0 { close(connection) }
        try? automounter?.close()
    }
}
