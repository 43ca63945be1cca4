import ClaroFS
import SystemPackage

extension LockFile {
    /// Reads a lock file.
    ///
    /// - Throws: `MountFailure` with exit code 1.
    package init(contentsOf path: String) throws(MountFailure) {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try ProcFile.bytes(path)
        } catch {
            throw MountFailure(.usage, "reading the lock file \(path) failed: \(error): `claro lock` writes one")
        }
        do throws(Problem) {
            try self.init(parsing: bytes)
        } catch {
            throw MountFailure(.usage, "reading the lock file \(path) failed: \(error)")
        }
    }
}
