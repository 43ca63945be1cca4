import FUSE
import Glibc
import TestSupport
import Testing

struct ChangeTests {
    /// Tries to change things in every way; prints the errno of each.
    private static let program = """
        import os, sys
        os.chdir(sys.argv[1])
        def attempt(name, call):
            try:
                call()
                print(name, 0)
            except OSError as error:
                print(name, error.errno)
        attempt("mkdir", lambda: os.mkdir("new"))
        attempt("mknod", lambda: os.mknod("new"))
        attempt("create", lambda: os.open("new", os.O_CREAT | os.O_WRONLY))
        attempt("symlink", lambda: os.symlink("target", "new"))
        attempt("link", lambda: os.link("file", "new"))
        attempt("unlink", lambda: os.unlink("file"))
        attempt("rmdir", lambda: os.rmdir("directory"))
        attempt("rename", lambda: os.rename("file", "new"))
        attempt("chmod", lambda: os.chmod("file", 0o600))
        attempt("truncate", lambda: os.truncate("file", 0))
        attempt("utime", lambda: os.utime("file"))
        attempt("setxattr", lambda: os.setxattr("file", "user.a", b"b"))
        attempt("removexattr", lambda: os.removexattr("file", "user.a"))
        """

    private static let names = [
        "mkdir", "mknod", "create", "symlink", "link", "unlink", "rmdir", "rename", "chmod", "truncate", "utime",
        "setxattr", "removexattr",
    ]

    @Test func `the session itself refuses every change, also where the kernel would allow it`() async throws {
        let fileSystem = MemoryFileSystem()
        fileSystem.add("file", .bytes(Array("text".utf8)))
        fileSystem.add("directory", .directory([]))
        try await SessionFixture.with(fileSystem) { mount async throws in
            let expected = Self.names.map { "\($0) \(EROFS)" }
            #expect(try await ChildProcess.run(["python3", "-c", Self.program, mount.path]).lines == expected)
            #expect(mount.requestCount("mkdir") == 0, "the kernel knows that the mount is read-only")

            _ = try await mount.offPool { mount in
                try check(Glibc.mount("none", mount.path, nil, UInt(MS_REMOUNT), nil))
            }
            #expect(try await ChildProcess.run(["python3", "-c", Self.program, mount.path]).lines == expected)
            #expect(mount.requestCount("mkdir") == 1)
            #expect(try await mount.read("file") == Array("text".utf8))
        }
    }
}
