import Glibc
import SystemPackage

/// A descriptor that is closed when nobody uses it any more.
package final class OpenFile: Sendable {
    package let descriptor: FileDescriptor

    /// Takes `descriptor` over.
    package init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    deinit { _ = Glibc.close(descriptor.rawValue) }
}

/// The answer to a READ.
package enum ReadResult: Sendable {
    /// A part of bytes in memory.
    case bytes([UInt8], Range<Int>)
    /// A part of a file on disk, which goes to the kernel without passing through this process's memory.
    case file(OpenFile, offset: Int64, count: Int)

    /// The part of `body` that a READ of `count` bytes at `offset` wants: short at the end, empty behind it.
    package static func part(of body: [UInt8], at offset: Int64, count: Int) -> ReadResult {
        let start = Int(min(max(0, offset), Int64(body.count)))
        return .bytes(body, start..<min(body.count, start + max(0, count)))
    }
}
