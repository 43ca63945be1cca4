import Glibc
import SystemPackage

/// A mount whose process is gone: every call there fails with ENOTCONN until it is taken away.
package enum DeadMount {
    /// A living daemon answers at once. One that is stopped or stuck must not stop its successor.
    private static let longestAnswer: Duration = .seconds(2)

    /// Whether the `fuse.claro` mount at `path` is dead. One that does not answer is not.
    static func isDead(_ path: FilePath) -> Bool {
        guard let (reader, writer) = try? FileDescriptor.pipe() else { return false }
        let question = Question(path: path, answer: writer)
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                argument.map { Unmanaged<Question>.fromOpaque($0).takeRetainedValue().ask() }
                return nil
            },
            Unmanaged.passRetained(question).toOpaque()
        )
        guard result == 0 else { return false }
        pthread_detach(thread)
        defer { try? reader.close() }
        var event = pollfd(fd: reader.rawValue, events: Int16(POLLIN), revents: 0)
        guard poll(&event, 1, Int32(longestAnswer.components.seconds * 1000)) == 1 else { return false }
        var answer: [UInt8] = [0]
        let count = answer.withUnsafeMutableBytes { (try? reader.read(into: $0)) ?? 0 }
        return count == 1 && answer[0] == 1
    }

    /// Takes the topmost mount at `path` away, also while descriptors into it are open.
    ///
    /// - Throws: `MountFailure` with exit code 32.
    package static func detach(_ path: FilePath) throws(MountFailure) {
        if path.withPlatformString({ umount2($0, Int32(MNT_DETACH)) }) == 0 { return }
        let error = Errno(rawValue: errno)
        if geteuid() != 0, Program.run("fusermount3", ["-q", "-u", "-z", path.string]) == 0 { return }
        throw MountFailure(.mountFailure, "\(path) has a dead mount on it that cannot be taken away: \(error)")
    }

    /// One statvfs(3) on a thread that may have to be left behind: only the end of the process ends a call that hangs.
    private final class Question: Sendable {
        private let path: FilePath
        private let answer: FileDescriptor

        init(path: FilePath, answer: FileDescriptor) {
            self.path = path
            self.answer = answer
        }

        func ask() {
            // What stat(2) tells the kernel may know by itself, and then says it of a dead mount too.
            var status = statvfs()
            let isDead = path.withPlatformString { statvfs($0, &status) } != 0 && errno == ENOTCONN
            _ = try? answer.writeAll([isDead ? 1 : 0])
            try? answer.close()
        }
    }
}
