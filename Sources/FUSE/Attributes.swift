import CFUSE
import Glibc

/// What `stat` tells of a file. `st_blocks` follows from the size; access, change and modification time are one.
package struct Attributes: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file, directory, symlink
    }

    package var inode: InodeNumber
    package var kind: Kind
    /// The permission bits, such as 0o444.
    package var permissions: UInt32
    /// Bytes.
    package var size: UInt64
    /// Since the epoch.
    package var modified: (seconds: Int64, nanoseconds: UInt32) {
        get { (modifiedSeconds, modifiedNanoseconds) }
        set { (modifiedSeconds, modifiedNanoseconds) = newValue }
    }
    package var user: UInt32
    package var group: UInt32
    private var modifiedSeconds: Int64
    private var modifiedNanoseconds: UInt32

    package init(
        inode: InodeNumber,
        kind: Kind,
        permissions: UInt32,
        size: UInt64 = 0,
        modified: (seconds: Int64, nanoseconds: UInt32),
        user: UInt32,
        group: UInt32
    ) {
        self.inode = inode
        self.kind = kind
        self.permissions = permissions
        self.size = size
        self.user = user
        self.group = group
        (modifiedSeconds, modifiedNanoseconds) = modified
    }

    /// `st_mode`.
    var mode: UInt32 {
        switch kind {
        case .file: S_IFREG | permissions
        case .directory: S_IFDIR | permissions
        case .symlink: S_IFLNK | permissions
        }
    }

    var native: cfuse_attributes {
        var result = cfuse_attributes()
        result.inode = inode.rawValue
        result.size = size
        result.seconds = modifiedSeconds
        result.nanoseconds = modifiedNanoseconds
        result.mode = mode
        result.link_count = 1
        result.user = user
        result.group = group
        return result
    }
}

/// The answer to a lookup: a file, or the fact that there is none, and how long the kernel may rely on it.
package struct Entry: Sendable {
    /// nil: no such name, a negative entry that the kernel keeps for `entryLifetime`.
    package var attributes: Attributes?
    /// How long the kernel answers `stat` by itself (fuse_entry_param.attr_timeout).
    package var attributeLifetime: Duration
    /// How long the kernel resolves the name by itself (fuse_entry_param.entry_timeout).
    package var entryLifetime: Duration

    package init(_ attributes: Attributes, attributeLifetime: Duration, entryLifetime: Duration) {
        self.attributes = attributes
        self.attributeLifetime = attributeLifetime
        self.entryLifetime = entryLifetime
    }

    private init(missingFor lifetime: Duration) {
        attributes = nil
        attributeLifetime = .zero
        entryLifetime = lifetime
    }

    /// No such name; the kernel does not ask again for `lifetime`.
    package static func missing(for lifetime: Duration) -> Entry { Entry(missingFor: lifetime) }

    var native: cfuse_entry {
        var result = cfuse_entry()
        if let attributes {
            result.node = attributes.inode.rawValue
            result.attributes = attributes.native
        }
        result.attribute_seconds = attributeLifetime.inSeconds
        result.entry_seconds = entryLifetime.inSeconds
        return result
    }
}

/// What `statfs` tells.
package struct FileSystemStatistics: Sendable {
    package var fileCount: UInt64
    /// Bytes that the files known to the filesystem take together.
    package var byteCount: UInt64

    package init(fileCount: UInt64, byteCount: UInt64) {
        self.fileCount = fileCount
        self.byteCount = byteCount
    }

    var native: cfuse_statistics {
        var result = cfuse_statistics()
        result.block_size = 4096
        result.block_count = (byteCount + 4095) / 4096
        result.file_count = fileCount
        result.name_length = UInt64(NAME_MAX)
        return result
    }
}

extension Duration {
    /// libfuse takes lifetimes as seconds in a double; below zero is zero.
    var inSeconds: Double { max(0, self / .seconds(1)) }
}
