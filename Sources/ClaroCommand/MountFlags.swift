import Glibc

/// The kernel's flags of one mount (mount(2)), as the words of `-o` set and clear them.
package struct MountFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt

    package init(rawValue: UInt) { self.rawValue = rawValue }

    /// What is asked for by one word: flags to set and flags to clear.
    package struct Change: Hashable, Sendable {
        let set: MountFlags
        let clear: MountFlags
    }

    package static let readOnly = Self(rawValue: UInt(MS_RDONLY))
    package static let noSUID = Self(rawValue: UInt(MS_NOSUID))
    package static let noDevices = Self(rawValue: UInt(MS_NODEV))
    package static let noExecution = Self(rawValue: UInt(MS_NOEXEC))
    static let synchronous = Self(rawValue: UInt(MS_SYNCHRONOUS))
    static let synchronousDirectories = Self(rawValue: UInt(MS_DIRSYNC))
    static let noAccessTime = Self(rawValue: UInt(MS_NOATIME))
    static let noDirectoryAccessTime = Self(rawValue: UInt(MS_NODIRATIME))
    static let relativeAccessTime = Self(rawValue: UInt(MS_RELATIME))
    static let strictAccessTime = Self(rawValue: UInt(MS_STRICTATIME))
    /// MS_NOSYMFOLLOW, which glibc 2.36 does not name.
    static let noSymlinkFollowing = Self(rawValue: 1 << 8)

    private static let accessTimes: MountFlags = [.noAccessTime, .relativeAccessTime, .strictAccessTime]
    /// What mount(8) lets `user` and its kin imply.
    private static let unprivileged: MountFlags = [.noSUID, .noDevices, .noExecution]

    /// The words of mount(8) that stand for kernel flags. Later words win over earlier ones.
    static let changes: [String: Change] = [
        "ro": .init(set: .readOnly, clear: []), "rw": .init(set: [], clear: .readOnly),
        "nosuid": .init(set: .noSUID, clear: []), "suid": .init(set: [], clear: .noSUID),
        "nodev": .init(set: .noDevices, clear: []), "dev": .init(set: [], clear: .noDevices),
        "noexec": .init(set: .noExecution, clear: []), "exec": .init(set: [], clear: .noExecution),
        "sync": .init(set: .synchronous, clear: []), "async": .init(set: [], clear: .synchronous),
        "dirsync": .init(set: .synchronousDirectories, clear: []),
        "noatime": .init(set: .noAccessTime, clear: accessTimes),
        "atime": .init(set: [], clear: .noAccessTime),
        "relatime": .init(set: .relativeAccessTime, clear: accessTimes),
        "norelatime": .init(set: [], clear: .relativeAccessTime),
        "strictatime": .init(set: .strictAccessTime, clear: accessTimes),
        "nostrictatime": .init(set: [], clear: .strictAccessTime),
        "nodiratime": .init(set: .noDirectoryAccessTime, clear: []),
        "diratime": .init(set: [], clear: .noDirectoryAccessTime),
        "nosymfollow": .init(set: .noSymlinkFollowing, clear: []),
        "symfollow": .init(set: [], clear: .noSymlinkFollowing),
        "user": .init(set: unprivileged, clear: []), "users": .init(set: unprivileged, clear: []),
        "owner": .init(set: [.noSUID, .noDevices], clear: []), "group": .init(set: [.noSUID, .noDevices], clear: []),
        "defaults": .init(set: [], clear: [.readOnly, .noSUID, .noDevices, .noExecution, .synchronous]),
    ]

    /// These flags after all of `changes`, the first one first.
    package func changed(by changes: [Change]) -> MountFlags {
        changes.reduce(self) { $0.subtracting($1.clear).union($1.set) }
    }
}
