import Glibc

/// One component of a path, as the kernel compares it: by bytes.
///
/// A Swift `String` would do it by canonical equivalence, where "é" typed as one scalar and as two are the same; on
/// Linux they are two files. Names from the kernel need not be UTF-8 either.
package struct FileName: Hashable, Sendable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    package init(bytes: [UInt8]) { self.bytes = bytes }

    package init(stringLiteral text: String) { self.init(text) }

    /// Copies a C string, without its NUL.
    package init(cString: UnsafePointer<CChar>) {
        bytes = UnsafeBufferPointer(start: cString, count: strlen(cString)).map { UInt8(bitPattern: $0) }
    }

    /// The name as text; nil where it is not UTF-8.
    package var text: String? { String(validating: bytes, as: UTF8.self) }

    /// For messages: bytes that are not UTF-8 are shown as U+FFFD.
    package var description: String { String(decoding: bytes, as: UTF8.self) }

    package static func < (left: FileName, right: FileName) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
