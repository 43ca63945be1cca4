import CFUSE
import SystemPackage

/// Where a reader of a directory stands: 0 is the beginning, any other value was given with an entry and means "after it".
package typealias DirectoryOffset = Int64

/// The answer to one READDIR or READDIRPLUS, filled entry by entry until it is full.
package struct DirectoryBuffer: Sendable {
    private var bytes: [UInt8]
    private var used = 0
    private let withAttributes: Bool
    /// What is pushed before the answer.
    private(set) var pages: [(inode: InodeNumber, bytes: [UInt8])] = []

    /// An empty answer to a READDIR, or to a READDIRPLUS, `withAttributes`, of at most `byteCount` bytes.
    package init(byteCount: Int, withAttributes: Bool) {
        bytes = [UInt8](repeating: 0, count: byteCount)
        self.withAttributes = withAttributes
    }

    /// Whether an entry that is added with attributes becomes known to the kernel, which then owes a FORGET for it.
    package var takesAttributes: Bool { withAttributes }

    /// Adds an entry with what `stat` would tell of it. In a READDIRPLUS this counts as a lookup of it, once the answer
    /// is true, and if the name is not `.` or `..`.
    ///
    /// - Returns: false where it does not fit any more: the caller stops, and the kernel asks again from the last offset.
    package mutating func append(_ name: FileName, _ entry: Entry, next: DirectoryOffset) -> Bool {
        guard let attributes = entry.attributes else { return true }
        guard withAttributes else { return append(name, attributes.inode, attributes.kind, next: next) }
        var native = entry.native
        return append(name) { cfuse_add_entry_plus($0, $1, $2, &native, next) }
    }

    /// Adds an entry of which only number and kind are known; `stat` will look it up.
    package mutating func append(
        _ name: FileName,
        _ inode: InodeNumber,
        _ kind: Attributes.Kind,
        next: DirectoryOffset
    ) -> Bool {
        let bare = Attributes(
            inode: inode,
            kind: kind,
            permissions: 0,
            modified: (seconds: 0, nanoseconds: 0),
            user: 0,
            group: 0
        )
        guard withAttributes else {
            return append(name) { cfuse_add_entry($0, $1, $2, inode.rawValue, bare.mode, next) }
        }
        var native = cfuse_entry()
        native.attributes = bare.native
        return append(name) { cfuse_add_entry_plus($0, $1, $2, &native, next) }
    }

    /// Puts a file's bytes into the kernel's pages, where readers then find them. It may drop them at any time.
    ///
    /// The kernel must know the file. That it does of those in an answer it has got when it asks for the next entries.
    package mutating func push(_ bytes: [UInt8], of inode: InodeNumber) { pages.append((inode, bytes)) }

    private mutating func append(
        _ name: FileName,
        write: (UnsafeMutablePointer<CChar>, Int, UnsafePointer<CChar>) -> Int
    ) -> Bool {
        let space = bytes.count - used
        let offset = used
        let needed = name.withCString { name in
            bytes.withUnsafeMutableBytes { raw in
                guard let base = raw.baseAddress else { return Int.max }
                return write((base + offset).assumingMemoryBound(to: CChar.self), space, name)
            }
        }
        guard needed <= space else { return false }
        used += needed
        return true
    }

    func withFilledBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<used])) }
    }
}

extension FileName {
    /// Lends the name as a C string.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (bytes + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { rebound in
                // The buffer holds at least the NUL, so it has an address.
                body(rebound.baseAddress!)
            }
        }
    }
}
