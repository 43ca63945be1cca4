import SystemPackage

/// The mounts that this process sees, as `/proc/self/mountinfo` lists them (proc(5)).
package struct MountTable: Equatable, Sendable {
    /// One line of the table.
    package struct Mount: Equatable, Sendable {
        /// The kernel's number of this mount (`mnt_id` in `/proc/self/fdinfo`).
        package let id: Int
        /// Where it is mounted.
        package let path: FilePath
        /// Such as `ext4`, `autofs`, `fuse.claro`.
        package let type: String
        /// What is mounted: a device, an address, a name.
        package let source: String
        /// Flags of this mount, and those of its filesystem, as in `ro,nosuid`.
        package let options: [String]

        /// A mount of this program, alive or dead.
        package var isClaro: Bool { type == "fuse.claro" }

        /// The flags that both kinds of options stand for.
        package var flags: MountFlags {
            MountFlags().changed(by: options.compactMap { MountFlags.changes[$0] }.filter { !$0.set.isEmpty })
        }
    }

    package let mounts: [Mount]

    /// Lines that do not have the documented form are left out.
    init(parsing text: [UInt8]) {
        mounts = text.split(separator: UInt8(ascii: "\n")).compactMap(Self.mount)
    }

    /// - Throws: `MountFailure` with exit code 2 where `/proc` is not mounted.
    package static func current() throws(MountFailure) -> MountTable {
        do {
            return MountTable(parsing: try ProcFile.bytes("/proc/self/mountinfo"))
        } catch {
            throw MountFailure(.system, "reading /proc/self/mountinfo failed: \(error): is /proc mounted?")
        }
    }

    /// The mount with the kernel's number `id`.
    package func mount(id: Int) -> Mount? {
        mounts.first { $0.id == id }
    }

    /// `id parent major:minor root path options [tag…] - type source superoptions`
    private static func mount(line: ArraySlice<UInt8>) -> Mount? {
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map(Array.init)
        guard fields.count >= 10, let id = Int(text(fields[0])),
            let dash = fields[6...].firstIndex(of: [UInt8(ascii: "-")]), fields.count >= dash + 4
        else { return nil }
        let options = [fields[5], fields[dash + 3]].flatMap { text($0).split(separator: ",").map(String.init) }
        return Mount(
            id: id,
            path: FilePath(bytes: unescaped(fields[4])),
            type: text(unescaped(fields[dash + 1])),
            source: text(unescaped(fields[dash + 2])),
            options: options
        )
    }

    /// Undoes the kernel's escapes: a backslash and three octal digits stand for one byte (space is `\040`).
    static func unescaped(_ field: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = field[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3).map { Int($0) - 0x30 }
            let isEscape = byte == UInt8(ascii: "\\") && digits.count == 3 && digits.allSatisfy { (0...7).contains($0) }
            guard isEscape, let code = UInt8(exactly: digits.reduce(0) { $0 * 8 + $1 }) else {
                bytes.append(byte)
                continue
            }
            bytes.append(code)
            rest.removeFirst(3)
        }
        return bytes
    }

    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}

extension FilePath {
    /// The path with exactly these bytes, up to a NUL.
    init(bytes: [UInt8]) {
        self = (bytes.prefix { $0 != 0 } + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CInterop.PlatformChar.self) { characters in
                // The array ends with a NUL, so its address is never nil.
                FilePath(platformString: characters.baseAddress!)
            }
        }
    }
}
