import SystemPackage
import Testing

@testable import ClaroCommand
@testable import mount_claro

struct MountTableTests {
    @Test func `a line of each form is read`() throws {
        let text = """
            22 27 0:21 / /proc rw,relatime - proc proc rw
            41 27 0:50 / /home/me/my\\040prompts ro,nosuid,nodev,relatime shared:7 master:1 - fuse.claro \
            https://example.com/a\\040b ro,user_id=1000,group_id=1000,default_permissions
            42 41 0:51 /sub /tab\\011nl\\012bs\\134hash\\043 rw unbindable - ext4 /dev/vda rw

            """
        let mounts = MountTable(parsing: Array(text.utf8)).mounts
        try #require(mounts.count == 3)
        #expect(mounts[0].path == "/proc" && mounts[0].type == "proc" && !mounts[0].isClaro)
        #expect(mounts[1].id == 41 && mounts[1].path == "/home/me/my prompts" && mounts[1].isClaro)
        #expect(mounts[1].source == "https://example.com/a b")
        #expect(mounts[1].flags == [.readOnly, .noSUID, .noDevices, .relativeAccessTime])
        #expect(mounts[2].path == "/tab\tnl\nbs\\hash#" && mounts[2].source == "/dev/vda")
        #expect(mounts[2].flags == [])
    }

    @Test(arguments: [
        "", "x", "22 27 0:21 / /proc rw,relatime", "a 27 0:21 / /proc rw - proc proc rw",
        "22 27 0:21 / /proc rw - proc proc", "- - - - - - - - - -",
    ])
    func `other lines are left out`(line: String) {
        #expect(MountTable(parsing: Array(line.utf8)).mounts == [])
    }

    @Test(arguments: [
        ("a", "a"), ("\\040", " "), ("\\134040", "\\040"), ("\\04", "\\04"), ("\\048", "\\048"), ("\\", "\\"),
        ("\\777", "\\777"), ("\\303\\251", "é"),
    ])
    func `escapes are octal bytes, all else is itself`(field: String, bytes: String) {
        #expect(MountTable.unescaped(Array(field.utf8)) == Array(bytes.utf8))
    }

    @Test func `a path keeps bytes that are not UTF-8`() throws {
        let line = Array("1 2 0:1 / /a".utf8) + [0xFF] + Array(" rw - t s rw".utf8)
        let path = try #require(MountTable(parsing: line).mounts.first?.path)
        #expect(path.withPlatformString { UInt8(bitPattern: $0[2]) } == 0xFF)
    }

    @Test func `this process sees its own root`() throws {
        #expect(try MountTable.current().mounts.contains { $0.path == "/" })
    }
}
