/// What the kernel calls a file by: FUSE's node id, which is also the `st_ino` that programs see.
package struct InodeNumber: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// FUSE_ROOT_ID (linux/fuse.h).
    package static let root = InodeNumber(rawValue: 1)

    package static func < (left: InodeNumber, right: InodeNumber) -> Bool { left.rawValue < right.rawValue }

    package var description: String { "\(rawValue)" }
}
