import ClaroCommand
import ClaroFS
import Glibc
import SystemPackage

extension LockFile {
    /// In the working directory, beside what uses the prompts.
    static let standardPath = "claro.lock"

    /// Replaces the file as a whole.
    ///
    /// - Throws: `CommandFailure` with what the system says.
    func write(to path: String) throws(CommandFailure) {
        let temporary = "\(path).\(getpid())"
        do {
            let file = try FileDescriptor.open(
                temporary,
                .writeOnly,
                options: [.create, .truncate, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead]
            )
            _ = try file.closeAfter { try file.writeAll(serialized) }
            guard rename(temporary, path) == 0 else { throw Errno(rawValue: errno) }
        } catch {
            unlink(temporary)
            throw CommandFailure(.failure, "writing \(path) failed: \(error)")
        }
    }
}
