import SystemPackage

@testable import ClaroCommand

extension FuzzTarget {
    private static let isCurrentTableRead = (try? MountTable.current())?.mounts.isEmpty == false

    /// Lines of `/proc/self/mountinfo`: other users choose the names of what they mount, and where.
    static let mountTable = FuzzTarget(name: "mountTable", sources: ["ClaroCommand/MountTable.swift"]) { bytes in
        try check(isCurrentTableRead, "the kernel's own table is read")
        let table = MountTable(parsing: bytes)
        try check(table.mounts.count <= bytes.split(separator: UInt8(ascii: "\n")).count, "a mount is a line")
        for mount in table.mounts {
            try check(table.mount(id: mount.id)?.id == mount.id, "a mount is found by its number")
            try check(mount.isClaro == (mount.type == "fuse.claro"), "ours is what is called so")
            _ = mount.flags
        }
        let escaped = bytes.flatMap { (byte: UInt8) -> [UInt8] in
            let isPlain = (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\\")
            return isPlain ? [byte] : [UInt8(ascii: "\\"), 0x30 + byte >> 6, 0x30 + byte >> 3 & 7, 0x30 + byte & 7]
        }
        try check(MountTable.unescaped(escaped) == bytes, "what the kernel escapes is read as it was")
        let line = Array("36 35 98:0 / ".utf8) + escaped + Array(" ro - fuse.claro claro ro".utf8)
        let path = MountTable(parsing: line).mounts.first?.path
        try check(path == FilePath(bytes: bytes), "a path has the bytes that the kernel tells")
    }
}
