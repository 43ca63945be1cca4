import Glibc
import SystemPackage

/// What the system must have before a FUSE filesystem can be mounted.
package enum FUSEDevice {
    /// - Throws: `MountFailure` with exit code 1 or 2.
    package static func check(allowsOtherUsers: Bool) throws(MountFailure) {
        try checkDevice("/dev/fuse")
        guard geteuid() != 0 else { return }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        guard Program.isInstalled("fusermount3", path: "/usr/bin:/bin:" + path) else {
            throw MountFailure(
                .system,
                "fusermount3 is missing: install it with `apt-get install fuse3`, or mount as root"
            )
        }
        guard !allowsOtherUsers || isAllowedToShare(configuration: "/etc/fuse.conf") else {
            throw MountFailure(.usage, "allow_other is for root, unless /etc/fuse.conf has the line user_allow_other")
        }
    }

    package static func checkDevice(_ path: String) throws(MountFailure) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        if descriptor >= 0 {
            close(descriptor)
            return
        }
        switch errno {
        case ENOENT, ENODEV, ENXIO:
            throw MountFailure(
                .system,
                "\(path) is missing: load the module with `modprobe fuse`, or start the container with --device /dev/fuse"
            )
        case let error:
            throw MountFailure(
                error == EACCES || error == EPERM ? .usage : .system,
                "opening \(path) failed: \(Errno(rawValue: error)): its mode should be 0666, and a container allow it"
            )
        }
    }

    /// Whether fusermount3's configuration lets users other than root give `allow_other` (fuse(8)).
    package static func isAllowedToShare(configuration path: String) -> Bool {
        guard let bytes = try? ProcFile.bytes(path) else { return false }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains { line in
            line.filter { !$0.isWhitespace } == "user_allow_other"
        }
    }
}
