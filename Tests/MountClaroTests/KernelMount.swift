import Glibc
import SystemPackage
import Testing

@testable import mount_claro

/// Whether these tests may mount: they need root and `/dev/fuse`.
let canMount = geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0

/// A FUSE mount whose daemon never answers: every call that asks it waits, until the connection is cut.
final class KernelMount {
    let path: String
    private var connection: Int32

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

    /// Ends the daemon, as the kernel sees it: from now on every call fails with ENOTCONN.
    func kill() {
        close(connection)
        connection = -1
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        if connection >= 0 { close(connection) }
    }
}
