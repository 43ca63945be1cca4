import ClaroCommand
import Glibc
import SystemPackage

/// mount(8)'s `-N`: a mount namespace other than the caller's.
enum MountNamespace {
    /// CLONE_NEWNS, which Glibc's module does not show Swift.
    private static let mountNamespace: Int32 = 0x20000

    /// Moves this process there. To be called while it has one thread, as setns(2) wants it. Nil is where it is.
    ///
    /// - Throws: `MountFailure` with exit code 2.
    static func enter(_ path: String?) throws(MountFailure) {
        guard let path else { return }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, let setns, setns(descriptor, mountNamespace) == 0 else {
            throw MountFailure(.system, "entering the mount namespace \(path) failed: \(Errno(rawValue: errno))")
        }
        close(descriptor)
    }

    /// setns(2), found by its name because Glibc's module does not show it to Swift either.
    private static var setns: (@convention(c) (Int32, Int32) -> Int32)? {
        dlsym(nil, "setns").map { unsafeBitCast($0, to: (@convention(c) (Int32, Int32) -> Int32).self) }
    }
}
