import Synchronization

/// How many requests of each opcode (linux/fuse.h, enum fuse_opcode) the kernel has sent.
package final class RequestCounts: Sendable {
    private static let slots = 64
    private let counts = Mutex([UInt64](repeating: 0, count: slots))

    package init() {}

    func count(_ opcode: UInt32) {
        // Opcodes end at 53 so far; CUSE's begin at 4096 and never come here.
        let slot = min(Int(opcode), Self.slots - 1)
        counts.withLock { $0[slot] += 1 }
    }

    /// The opcodes seen so far, by their names in lower case.
    package var byName: [(name: String, count: UInt64)] {
        counts.withLock { $0 }.enumerated().compactMap { opcode, count in
            count == 0 ? nil : (Self.names[opcode] ?? "opcode_\(opcode)", count)
        }
    }

    private static let names: [Int: String] = [
        1: "lookup", 2: "forget", 3: "getattr", 4: "setattr", 5: "readlink", 6: "symlink", 8: "mknod", 9: "mkdir",
        10: "unlink", 11: "rmdir", 12: "rename", 13: "link", 14: "open", 15: "read", 16: "write", 17: "statfs",
        18: "release", 20: "fsync", 21: "setxattr", 22: "getxattr", 23: "listxattr", 24: "removexattr", 25: "flush",
        26: "init", 27: "opendir", 28: "readdir", 29: "releasedir", 30: "fsyncdir", 31: "getlk", 32: "setlk",
        33: "setlkw", 34: "access", 35: "create", 36: "interrupt", 37: "bmap", 38: "destroy", 39: "ioctl", 40: "poll",
        42: "batch_forget", 43: "fallocate", 44: "readdirplus", 45: "rename2", 46: "lseek", 47: "copy_file_range",
        51: "tmpfile", 52: "statx",
    ]
}
