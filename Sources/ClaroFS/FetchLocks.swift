import Crypto
import FUSE
import Glibc
import SystemPackage

/// Locks among the processes that share a cache directory, one for each thing that can be fetched: bytes of one file, by
/// the hash of the thing's name (fcntl(2), open file description locks). A process that dies leaves none behind.
///
/// Within a process it is `SharedFetch` that keeps two from fetching one thing.
final class FetchLocks: Sendable {
    /// Held from its making to its end.
    final class Lock: Sendable {
        private let file: OpenFile
        private let offset: Int64

        fileprivate init(_ file: OpenFile, _ offset: Int64) {
            self.file = file
            self.offset = offset
        }

        deinit { _ = FetchLocks.change(file, offset, to: F_UNLCK) }
    }

    /// F_OFD_SETLK, which Glibc's module does not show Swift.
    private static let setLock: Int32 = 37

    private let file: OpenFile

    /// nil where the file cannot be made: processes then do some work twice.
    init?(directory: String) {
        guard
            let descriptor = try? FileDescriptor.open(
                "\(directory)/fetches.lock",
                .readWrite,
                options: [.create, .closeOnExec],
                permissions: .ownerReadWrite
            )
        else { return nil }
        file = OpenFile(descriptor)
    }

    /// Waits until nobody else has the lock of `name`; nil after `timeout`, when it is better to do without.
    func lock(_ name: String, within timeout: Duration) async -> Lock? {
        let offset = Self.offset(of: name)
        let deadline = ContinuousClock.now + timeout
        var pause = Duration.milliseconds(5)
        while !Self.change(file, offset, to: F_WRLCK) {
            guard .now + pause < deadline, (try? await Task.sleep(for: pause)) != nil else { return nil }
            // There is no way to be told: look again, soon at first.
            pause = min(pause * 2, .milliseconds(100))
        }
        return Lock(file, offset)
    }

    private static func change(_ file: OpenFile, _ offset: Int64, to type: Int32) -> Bool {
        var lock = flock()
        lock.l_type = Int16(type)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = Int(offset)
        lock.l_len = 1
        return fcntl(file.descriptor.rawValue, setLock, &lock) == 0
    }

    /// Two names may share an offset, and then wait for each other without need.
    private static func offset(of name: String) -> Int64 {
        SHA256.hash(data: Array(name.utf8)).prefix(7).reduce(0) { $0 << 8 | Int64($1) }
    }
}
