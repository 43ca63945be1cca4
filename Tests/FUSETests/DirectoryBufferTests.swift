import Glibc
import Testing

@testable import FUSE

struct DirectoryBufferTests {
    private static func attributes(_ inode: UInt64, size: UInt64 = 0) -> Attributes {
        Attributes(
            inode: InodeNumber(rawValue: inode),
            kind: .file,
            permissions: 0o444,
            size: size,
            modified: (seconds: 1_700_000_000, nanoseconds: 5),
            user: 1,
            group: 2
        )
    }

    private static func bytes(of buffer: DirectoryBuffer) -> [UInt8] {
        var bytes: [UInt8] = []
        buffer.withFilledBytes { bytes = Array($0) }
        return bytes
    }

    @Test func `entries are packed as the kernel reads them`() {
        var buffer = DirectoryBuffer(byteCount: 4096, withAttributes: false)
        #expect(!buffer.takesAttributes)
        let fits = [
            buffer.append("abc", InodeNumber(rawValue: 7), .file, next: 11),
            buffer.append("12345678", InodeNumber(rawValue: 8), .directory, next: 12),
            buffer.append("é", InodeNumber(rawValue: 9), .symlink, next: 13),
        ]
        #expect(fits == [true, true, true])
        let bytes = Self.bytes(of: buffer)
        let entries = WireEntry.entries(in: bytes, withAttributes: false)
        #expect(bytes.count == 32 + 32 + 32)
        #expect(entries.map(\.name) == ["abc", "12345678", "é"])
        #expect(entries.map(\.inode) == [7, 8, 9])
        #expect(entries.map(\.offset) == [11, 12, 13])
        #expect(entries.map(\.type) == [DT_REG, DT_DIR, DT_LNK])
    }

    @Test(arguments: [1, 7, 8, 9, 16, 255])
    func `an entry is padded to eight bytes and fits to the last one`(nameByteCount: Int) {
        let name = FileName(String(repeating: "n", count: nameByteCount))
        let needed = 24 + (nameByteCount + 7) / 8 * 8
        var exact = DirectoryBuffer(byteCount: needed, withAttributes: false)
        let fits = exact.append(name, InodeNumber(rawValue: 7), .file, next: 1)
        #expect(fits)
        #expect(Self.bytes(of: exact).count == needed)
        let moreFits = exact.append("x", InodeNumber(rawValue: 8), .file, next: 2)
        #expect(!moreFits)

        var short = DirectoryBuffer(byteCount: needed - 1, withAttributes: false)
        let fitsInLess = short.append(name, InodeNumber(rawValue: 7), .file, next: 1)
        #expect(!fitsInLess)
        #expect(Self.bytes(of: short).isEmpty)
    }

    @Test func `an entry with attributes tells what stat would`() throws {
        var buffer = DirectoryBuffer(byteCount: 4096, withAttributes: true)
        #expect(buffer.takesAttributes)
        let entry = Entry(
            Self.attributes(7, size: 513),
            attributeLifetime: .milliseconds(1500),
            entryLifetime: .seconds(60)
        )
        let fits = [
            buffer.append("abc", entry, next: 11),
            buffer.append("bare", InodeNumber(rawValue: 8), .file, next: 12),
        ]
        #expect(fits == [true, true])
        let bytes = Self.bytes(of: buffer)
        #expect(bytes.count == 2 * (128 + 32))
        let entries = WireEntry.entries(in: bytes, withAttributes: true)
        let first = try #require(entries.first)
        #expect(first.node == 7 && first.inode == 7 && first.offset == 11 && first.name == "abc")
        #expect(first.entrySeconds == 60)
        #expect(first.attributeSeconds == 1)
        #expect(first.size == 513)
        #expect(first.mode == S_IFREG | 0o444)
        let second = try #require(entries.last)
        #expect(second.node == 0, "an entry without attributes is no lookup")
        #expect(second.inode == 8 && second.offset == 12 && second.name == "bare")
    }

    @Test func `attributes are left out where the kernel did not ask for them`() {
        var buffer = DirectoryBuffer(byteCount: 4096, withAttributes: false)
        let entry = Entry(Self.attributes(7), attributeLifetime: .zero, entryLifetime: .zero)
        let fits = [
            buffer.append("abc", entry, next: 11),
            buffer.append("missing", .missing(for: .seconds(1)), next: 12),
        ]
        #expect(fits == [true, true])
        let entries = WireEntry.entries(in: Self.bytes(of: buffer), withAttributes: false)
        #expect(entries.map(\.name) == ["abc"])
    }
}

/// `struct fuse_dirent` and, before it, `struct fuse_entry_out` of linux/fuse.h, read by their documented layout.
private struct WireEntry {
    var node: UInt64 = 0
    var entrySeconds: UInt64 = 0
    var attributeSeconds: UInt64 = 0
    var size: UInt64 = 0
    var mode: UInt32 = 0
    let inode: UInt64
    let offset: UInt64
    let type: Int
    let name: String

    static func entries(in bytes: [UInt8], withAttributes: Bool) -> [WireEntry] {
        var entries: [WireEntry] = []
        var position = 0
        bytes.withUnsafeBytes { raw in
            func word(_ offset: Int) -> UInt64 { raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
            func half(_ offset: Int) -> UInt32 { raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
            while position < raw.count {
                let start = position + (withAttributes ? 128 : 0)
                let nameByteCount = Int(half(start + 16))
                let name = raw[(start + 24)..<(start + 24 + nameByteCount)]
                var entry = WireEntry(
                    inode: word(start),
                    offset: word(start + 8),
                    type: Int(half(start + 20)),
                    name: String(decoding: name, as: UTF8.self)
                )
                if withAttributes {
                    entry.node = word(position)
                    entry.entrySeconds = word(position + 16)
                    entry.attributeSeconds = word(position + 24)
                    entry.size = word(position + 48)
                    entry.mode = half(position + 100)
                }
                entries.append(entry)
                position = start + (24 + nameByteCount + 7) / 8 * 8
            }
        }
        return entries
    }
}
