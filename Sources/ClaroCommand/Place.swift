import Glibc
import SystemPackage

/// A place in the tree, held by a descriptor that touches no filesystem.
package struct Place: ~Copyable {
    /// What stands at a place in the tree.
    package enum Occupant: Equatable, Sendable {
        /// A directory of the filesystem around it.
        case directory
        /// An automount point that waits for a mount: looking into it would wait for that, too.
        case automount
        /// A mount of this program whose process is gone.
        case deadMount
        case mount(MountTable.Mount)
    }

    /// Absolute, without symbolic links, as the kernel tells it.
    package let path: FilePath
    private let descriptor: FileDescriptor

    /// O_PATH, which Glibc's module does not show Swift.
    private static let pathOnly: Int32 = 0x20_0000

    package init(_ text: String) throws(MountFailure) {
        let descriptor = open(text, Self.pathOnly | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreachable(text, Errno(rawValue: errno)) }
        var characters = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/fd/\(descriptor)", &characters, characters.count - 1)
        guard count > 0 else {
            let error = Errno(rawValue: errno)
            close(descriptor)
            throw MountFailure(.system, "resolving \(text) failed: \(error): is /proc mounted?")
        }
        self.descriptor = FileDescriptor(rawValue: descriptor)
        path = FilePath(bytes: characters[..<count].map { UInt8(bitPattern: $0) })
    }

    deinit {
        close(descriptor.rawValue)
    }

    /// The topmost mount whose root this place is; nil inside a filesystem.
    package func mount() throws(MountFailure) -> MountTable.Mount? {
        guard let mount = try containingMount(), mount.path == path else { return nil }
        return mount
    }

    /// The mount that this place is in; nil where its root is outside of this process's root directory (chroot(2)).
    package func containingMount() throws(MountFailure) -> MountTable.Mount? {
        guard let id = mountID else {
            throw MountFailure(.system, "finding the mount of \(path) failed: is /proc mounted?")
        }
        return try MountTable.current().mount(id: id)
    }

    package func occupant() throws(MountFailure) -> Occupant {
        guard let mount = try mount() else { return .directory }
        if mount.type == "autofs" { return .automount }
        return mount.isClaro && DeadMount.isDead(path) ? .deadMount : .mount(mount)
    }

    /// `mnt_id` of the descriptor (proc(5)).
    private var mountID: Int? {
        guard let bytes = try? ProcFile.bytes("/proc/self/fdinfo/\(descriptor.rawValue)") else { return nil }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("mnt_id:") }
        return line.flatMap { Int($0.dropFirst("mnt_id:".count).drop { $0 == "\t" || $0 == " " }) }
    }

    /// Checks what no mount covers: a directory, empty, and for others than root writable (fusermount3 insists).
    package func checkDirectory(allowsNonEmpty: Bool) throws(MountFailure) {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw .unreachable("\(path)", Errno(rawValue: errno)) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw MountFailure(.mountFailure, "\(path) is not a directory: choose one, or make one with mkdir")
        }
        if geteuid() != 0, access("/proc/self/fd/\(descriptor.rawValue)", W_OK) != 0 {
            throw MountFailure(.usage, "\(path) is not writable for you: mount over a directory of your own")
        }
        if allowsNonEmpty { return }
        guard try isEmpty() else {
            throw MountFailure(
                .mountFailure,
                "\(path) is not empty: choose an empty directory, or hide what is in it with -o nonempty"
            )
        }
    }

    private func isEmpty() throws(MountFailure) -> Bool {
        guard let directory = opendir("/proc/self/fd/\(descriptor.rawValue)") else {
            throw .unreachable("\(path)", Errno(rawValue: errno))
        }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.prefix { $0 != 0 }.map(\.self) }
            if name != Array(".".utf8) && name != Array("..".utf8) { return false }
        }
        return true
    }
}

extension MountFailure {
    /// Why a path leads nowhere.
    fileprivate static func unreachable(_ text: String, _ error: Errno) -> MountFailure {
        switch error {
        case .noSuchFileOrDirectory where text.isEmpty: MountFailure(.usage, "the mount point is empty")
        case .noSuchFileOrDirectory:
            MountFailure(.mountFailure, "\(text) does not exist: make it with `mkdir -p \(text)`")
        case .notDirectory:
            MountFailure(.mountFailure, "\(text) is not a directory: choose one, or make one with mkdir")
        case .permissionDenied: MountFailure(.usage, "\(text) is not accessible to you: choose a directory of your own")
        default: MountFailure(.mountFailure, "looking at \(text) failed: \(error)")
        }
    }
}
