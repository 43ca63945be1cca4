import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What changes something is refused, whatever it is tried on, by the kernel or by the daemon.
struct ReadOnlyTests {
    private static let library: Workspace = [
        "acme": [
            Workspace.Prompt(
                "support",
                versions: [
                    .init("one"),
                    .init("two", system: "kind", context: [.file("faq.txt", .text("an answer"))]),
                ]
            )
        ]
    ]

    @Test func `every mutating system call is refused on a read-only mount`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            try await expectRefusals(Self.readOnly, in: mount)
        }
    }

    @Test(arguments: ["mount -i -o remount,rw", "the helper that mount(8) starts"])
    func `every mutating system call is refused after a remount for writing`(way: String) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let before = try await mount.contents()
            try await remountForWriting(mount, isInternal: way.hasPrefix("mount -i"))
            try await expectRefusals(Self.writable, in: mount)
            #expect(try await mount.contents() == before)
        }
    }

    /// A mapping's pages are written back by the kernel, later and without a caller to refuse.
    @Test func `what is written to a mapping is gone once the kernel has written it back`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let before = try await mount.contents()
            try await remountForWriting(mount, isInternal: true)
            let program = """
                import mmap, os
                for name in ["@acme/support/v2/content.md", "@acme/support/v2/context/faq.txt"]:
                    file = os.open(name, os.O_RDWR)
                    memory = mmap.mmap(file, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
                    memory[0:1] = b"!"
                    try:
                        memory.flush()
                        print(0)
                    except OSError as error:
                        print(error.errno)
                """
            let output = try await ChildProcess.run(["python3", "-c", program], directory: mount.path)
            #expect(output.lines == ["\(EROFS)", "\(EROFS)"], "\(output.errors)")
            // The daemon has the kernel drop the pages after the refusal; its own thread does that.
            let deadline = ContinuousClock.now + .seconds(60)
            while try await mount.contents() != before, ContinuousClock.now < deadline { await Task.yield() }
            #expect(try await mount.contents() == before)
        }
    }

    private func remountForWriting(_ mount: MountFixture, isInternal: Bool) async throws {
        let words =
            isInternal
            ? ["mount", "-i", "-o", "remount,rw", mount.path]
            : [
                try MountFixture.program("mount.claro"), mount.emulator.url, mount.path, "-o", "remount,rw", "-t",
                "fuse.claro",
            ]
        let output = try await ChildProcess.run(words)
        #expect(output.status == 0, "\(output.errors)")
        let options = try await ChildProcess.run(["findmnt", "-n", "-o", "VFS-OPTIONS,FS-OPTIONS", mount.path]).text
        #expect(options.split(separator: " ").allSatisfy { $0.hasPrefix("rw") }, "\(options)")
    }

    private func expectRefusals(_ expected: String, in mount: MountFixture) async throws {
        let output = try await ChildProcess.run(["python3", "-c", Self.program], directory: mount.path)
        #expect(output.status == 0, "\(output.errors)")
        let table = expected.split(separator: "\n").map { line in line.split(separator: " ").joined(separator: " ") }
        #expect(output.lines.count == table.count)
        for (line, row) in zip(output.lines, table) { #expect(line == row) }
    }

    /// Tries each call on a file, a directory, a symlink (to a directory) and a missing name, and prints the errno of the
    /// first step that fails, or what succeeded.
    private static let program = #"""
        import ctypes, errno, mmap, os, socket, stat
        libc = ctypes.CDLL(None, use_errno=True)
        version = "@acme/support/v2/"
        kinds = {
            "file": version + "content.md",
            "directory": version + "context",
            "symlink": "@acme/support/latest",
            "missing": version + "missing.txt",
        }
        source = os.open("@acme/support/v1/content.md", os.O_RDONLY)

        def call(name, *words):
            if getattr(libc, name)(*words) < 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))

        def opened(flags, then=None):
            def run(path):
                file = os.open(path, flags, 0o600)
                try:
                    if then: then(file)
                finally:
                    os.close(file)
            return run

        def bind(path):
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path)

        def write_mapping(file):
            memory = mmap.mmap(file, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            memory.close()

        write, change = os.O_WRONLY, os.O_RDWR
        calls = {
            "open(O_WRONLY)": opened(write),
            "open(O_RDWR)": opened(change),
            "open(O_CREAT)": opened(os.O_CREAT | write),
            "open(O_CREAT|O_EXCL)": opened(os.O_CREAT | os.O_EXCL | write),
            "open(O_TRUNC)": opened(os.O_TRUNC | write),
            "open(O_RDONLY|O_TRUNC)": opened(os.O_TRUNC | os.O_RDONLY),
            "open(O_APPEND)": opened(os.O_APPEND | write),
            "open(O_TMPFILE)": opened(os.O_TMPFILE | change),
            "creat": lambda path: os.close(call_creat(path)),
            "write": opened(write, lambda file: os.write(file, b"!")),
            "write(O_APPEND)": opened(write | os.O_APPEND, lambda file: os.write(file, b"!")),
            "pwrite": opened(write, lambda file: os.pwrite(file, b"!", 1)),
            "pwrite(behind the end)": opened(write, lambda file: os.pwrite(file, b"!", 100000)),
            "truncate": lambda path: os.truncate(path, 0),
            "truncate(longer)": lambda path: os.truncate(path, 100),
            "ftruncate": opened(write, lambda file: os.ftruncate(file, 0)),
            "fallocate": opened(write, lambda file: os.posix_fallocate(file, 0, 100)),
            "copy_file_range": opened(write, lambda file: os.copy_file_range(source, file, 10)),
            "sendfile": opened(write, lambda file: os.sendfile(file, source, 0, 10)),
            "mmap": opened(change, write_mapping),
            "mkdir": os.mkdir,
            "mknod": lambda path: os.mknod(path, stat.S_IFREG | 0o600),
            "mkfifo": os.mkfifo,
            "bind": bind,
            "symlink": lambda path: os.symlink("target", path),
            "link": lambda path: os.link(path, version + "linked", follow_symlinks=False),
            "link(onto)": lambda path: os.link(kinds["file"], path),
            "unlink": os.unlink,
            "rmdir": os.rmdir,
            "rename": lambda path: os.rename(path, version + "renamed"),
            "rename(onto)": lambda path: os.rename(version + "metadata.json", path),
            "renameat2(NOREPLACE)": lambda path: call(
                "renameat2", -100, path.encode(), -100, (version + "renamed").encode(), 1
            ),
            "renameat2(EXCHANGE)": lambda path: call(
                "renameat2", -100, path.encode(), -100, (version + "metadata.json").encode(), 2
            ),
            "chmod": lambda path: os.chmod(path, 0o600),
            "fchmod": opened(os.O_RDONLY, lambda file: os.fchmod(file, 0o600)),
            "chown": lambda path: os.chown(path, 1, 1),
            "lchown": lambda path: os.lchown(path, 1, 1),
            "fchown": opened(os.O_RDONLY, lambda file: os.fchown(file, 1, 1)),
            "utimensat": lambda path: os.utime(path, ns=(1, 1)),
            "utimensat(now)": lambda path: os.utime(path, follow_symlinks=False),
            "setxattr": lambda path: os.setxattr(path, "user.a", b"b"),
            "removexattr": lambda path: os.removexattr(path, "user.a"),
        }

        def call_creat(path):
            file = libc.creat(path.encode(), 0o600)
            if file < 0:
                raise OSError(ctypes.get_errno(), "creat")
            return file

        for name, attempt in calls.items():
            results = []
            for path in kinds.values():
                try:
                    attempt(path)
                    results.append("ok")
                except OSError as error:
                    results.append(errno.errorcode[error.errno])
            print(name.replace(" ", "-"), *results)
        """#

    // Columns: the file, the directory, the symlink, the missing name. A name that is there, a kind that does not fit and
    // an absent parent or file come before EROFS, as in POSIX; on a mount that it knows to be read-only the kernel looks
    // for names that are to be removed or renamed only after that.
    private static let readOnly = """
        open(O_WRONLY)          EROFS       EISDIR      EISDIR      ENOENT
        open(O_RDWR)            EROFS       EISDIR      EISDIR      ENOENT
        open(O_CREAT)           EROFS       EISDIR      EISDIR      EROFS
        open(O_CREAT|O_EXCL)    EEXIST      EEXIST      EEXIST      EROFS
        open(O_TRUNC)           EROFS       EISDIR      EISDIR      ENOENT
        open(O_RDONLY|O_TRUNC)  EROFS       EISDIR      EISDIR      ENOENT
        open(O_APPEND)          EROFS       EISDIR      EISDIR      ENOENT
        open(O_TMPFILE)         ENOTDIR     EROFS       EROFS       ENOENT
        creat                   EROFS       EISDIR      EISDIR      EROFS
        write                   EROFS       EISDIR      EISDIR      ENOENT
        write(O_APPEND)         EROFS       EISDIR      EISDIR      ENOENT
        pwrite                  EROFS       EISDIR      EISDIR      ENOENT
        pwrite(behind-the-end)  EROFS       EISDIR      EISDIR      ENOENT
        truncate                EROFS       EISDIR      EISDIR      ENOENT
        truncate(longer)        EROFS       EISDIR      EISDIR      ENOENT
        ftruncate               EROFS       EISDIR      EISDIR      ENOENT
        fallocate               EROFS       EISDIR      EISDIR      ENOENT
        copy_file_range         EROFS       EISDIR      EISDIR      ENOENT
        sendfile                EROFS       EISDIR      EISDIR      ENOENT
        mmap                    EROFS       EISDIR      EISDIR      ENOENT
        mkdir                   EEXIST      EEXIST      EEXIST      EROFS
        mknod                   EEXIST      EEXIST      EEXIST      EROFS
        mkfifo                  EEXIST      EEXIST      EEXIST      EROFS
        bind                    EADDRINUSE  EADDRINUSE  EADDRINUSE  EROFS
        symlink                 EEXIST      EEXIST      EEXIST      EROFS
        link                    EROFS       EROFS       EROFS       ENOENT
        link(onto)              EEXIST      EEXIST      EEXIST      EROFS
        unlink                  EROFS       EROFS       EROFS       EROFS
        rmdir                   EROFS       EROFS       EROFS       EROFS
        rename                  EROFS       EROFS       EROFS       EROFS
        rename(onto)            EROFS       EROFS       EROFS       EROFS
        renameat2(NOREPLACE)    EROFS       EROFS       EROFS       EROFS
        renameat2(EXCHANGE)     EROFS       EROFS       EROFS       EROFS
        chmod                   EROFS       EROFS       EROFS       ENOENT
        fchmod                  EROFS       EROFS       EROFS       ENOENT
        chown                   EROFS       EROFS       EROFS       ENOENT
        lchown                  EROFS       EROFS       EROFS       ENOENT
        fchown                  EROFS       EROFS       EROFS       ENOENT
        utimensat               EROFS       EROFS       EROFS       ENOENT
        utimensat(now)          EROFS       EROFS       EROFS       ENOENT
        setxattr                EROFS       EROFS       EROFS       ENOENT
        removexattr             EROFS       EROFS       EROFS       ENOENT
        """

    // "ok" are steps that the kernel takes without asking; what would change something is refused behind them.
    private static let writable = """
        open(O_WRONLY)          ok          EISDIR      EISDIR      ENOENT
        open(O_RDWR)            ok          EISDIR      EISDIR      ENOENT
        open(O_CREAT)           ok          EISDIR      EISDIR      EROFS
        open(O_CREAT|O_EXCL)    EEXIST      EEXIST      EEXIST      EROFS
        open(O_TRUNC)           EROFS       EISDIR      EISDIR      ENOENT
        open(O_RDONLY|O_TRUNC)  EROFS       EISDIR      EISDIR      ENOENT
        open(O_APPEND)          ok          EISDIR      EISDIR      ENOENT
        open(O_TMPFILE)         ENOTDIR     ENOTSUP     ENOTSUP     ENOENT
        creat                   EROFS       EISDIR      EISDIR      EROFS
        write                   EROFS       EISDIR      EISDIR      ENOENT
        write(O_APPEND)         EROFS       EISDIR      EISDIR      ENOENT
        pwrite                  EROFS       EISDIR      EISDIR      ENOENT
        pwrite(behind-the-end)  EROFS       EISDIR      EISDIR      ENOENT
        truncate                EROFS       EISDIR      EISDIR      ENOENT
        truncate(longer)        EROFS       EISDIR      EISDIR      ENOENT
        ftruncate               EROFS       EISDIR      EISDIR      ENOENT
        fallocate               EROFS       EISDIR      EISDIR      ENOENT
        copy_file_range         EROFS       EISDIR      EISDIR      ENOENT
        sendfile                EROFS       EISDIR      EISDIR      ENOENT
        mmap                    ok          EISDIR      EISDIR      ENOENT
        mkdir                   EEXIST      EEXIST      EEXIST      EROFS
        mknod                   EEXIST      EEXIST      EEXIST      EROFS
        mkfifo                  EEXIST      EEXIST      EEXIST      EROFS
        bind                    EADDRINUSE  EADDRINUSE  EADDRINUSE  EROFS
        symlink                 EEXIST      EEXIST      EEXIST      EROFS
        link                    EROFS       EPERM       EROFS       ENOENT
        link(onto)              EEXIST      EEXIST      EEXIST      EROFS
        unlink                  EROFS       EISDIR      EROFS       ENOENT
        rmdir                   ENOTDIR     EROFS       ENOTDIR     ENOENT
        rename                  EROFS       EROFS       EROFS       ENOENT
        rename(onto)            EROFS       EISDIR      EROFS       EROFS
        renameat2(NOREPLACE)    EROFS       EROFS       EROFS       ENOENT
        renameat2(EXCHANGE)     EROFS       EROFS       EROFS       ENOENT
        chmod                   EROFS       EROFS       EROFS       ENOENT
        fchmod                  EROFS       EROFS       EROFS       ENOENT
        chown                   EROFS       EROFS       EROFS       ENOENT
        lchown                  EROFS       EROFS       EROFS       ENOENT
        fchown                  EROFS       EROFS       EROFS       ENOENT
        utimensat               EROFS       EROFS       EROFS       ENOENT
        utimensat(now)          EROFS       EROFS       EROFS       ENOENT
        setxattr                EROFS       EROFS       EROFS       ENOENT
        removexattr             EROFS       EROFS       EROFS       ENOENT
        """
}

extension MountFixture {
    /// The sums of all files and the names of all that is there.
    fileprivate func contents() async throws -> String {
        try await output(of: "find . -printf '%P %y %m %s\\n' | sort; find . -type f | sort | xargs -d '\\n' sha256sum")
    }
}
