import Glibc
import SystemPackage
import Testing

@testable import ClaroCommand
@testable import mount_claro

/// The built binary, by what a shell sees of it.
struct CommandTests {
    @Test func `--help explains everything on standard output`() throws {
        let command = try Command.run(["--help"])
        #expect(command.exitCode == 0)
        #expect(command.output == Help.text + "\n")
        #expect(command.errors == "")
    }

    @Test func `--version is one line`() throws {
        let command = try Command.run(["--version"])
        #expect(command.exitCode == 0)
        #expect(command.output == "mount.claro \(Release.version)\n")
    }

    @Test(arguments: [["-o", "help"], ["-ohelp"], ["claro", "/mnt", "-o", "ttl=5,help"]])
    func `-o help needs no mount point`(arguments: [String]) throws {
        let command = try Command.run(arguments)
        #expect(command.exitCode == 0)
        #expect(command.output == Help.options + "\n")
    }

    @Test(
        arguments: [
            ([], "the mount point is missing: \(Help.usage)"),
            (["a", "b", "c"], "Unexpected argument 'c' (see `mount.claro --help`)"),
            (["/mnt", "-q"], "Unknown option '-q' (see `mount.claro --help`)"),
            (["/mnt", "-o"], "Missing value for '-o <o>' (see `mount.claro --help`)"),
            (["/mnt", "-o", "tll=1"], "unknown option tll: did you mean ttl?"),
            (["/mnt", "-ottl=-1"], "ttl=-1 is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d"),
            (
                ["http://example.com", "/mnt"],
                "http://example.com is no address of the API: example.com is not this machine, so its URL must begin with https://"
                    + " (or claro for https://api.baytos.ai)"
            ),
            (
                ["-f", "/nonexistent", "-o", "credentials=/nonexistent"],
                "reading /nonexistent failed: No such file or directory"
            ),
        ] as [([String], String)]
    )
    func `wrong arguments are one line and exit code 1`(arguments: [String], message: String) throws {
        let command = try Command.run(arguments)
        #expect(command.exitCode == 1)
        #expect(command.output == "")
        #expect(command.errors == "mount.claro: \(message)\n")
    }

    @Test(arguments: [
        ["--key=sk_hunter2", "/mnt"], ["sk_hunter2", "/mnt"], ["/mnt", "-o", "key=sk_hunter2"],
        ["/mnt", "--sk_hunter2"],
        ["a", "b", "sk_hunter2"], ["sk_hunter2"],
    ])
    func `a key among the arguments is never repeated`(arguments: [String]) throws {
        let command = try Command.run(arguments)
        #expect(command.exitCode != 0)
        #expect(!command.errors.contains("hunter2"))
    }

    @Test func `mount(8)'s dry run checks everything and mounts nothing`() throws {
        try TemporaryDirectory.with { directory in
            let arguments = [
                "claro", directory, "-s", "-f", "-n", "-v", "-o", "rw,noexec,_netdev,bogus=1", "-t", "fuse.claro",
            ]
            let command = try Command.run(arguments)
            #expect(command.errors == "")
            #expect(command.exitCode == 0)
            #expect(try MountTable.current().mounts.allSatisfy { $0.path.string != directory })
        }
    }

    @Test(arguments: [["-f"], ["--foreground"], []])
    func `a mount point that cannot be used is one line with the remedy`(start: [String]) throws {
        try TemporaryDirectory.with { directory in
            let file = "\(directory)/file"
            close(open(file, O_CREAT | O_WRONLY, 0o600))
            let messages = [
                "\(directory)/none": "\(directory)/none does not exist: make it with `mkdir -p \(directory)/none`",
                file: "\(file) is not a directory: choose one, or make one with mkdir",
                directory:
                    "\(directory) is not empty: choose an empty directory, or hide what is in it with -o nonempty",
                "/proc": "/proc is in use: proc (proc) is mounted there: choose another directory",
            ]
            for (mountPoint, message) in messages {
                let command = try Command.run(start + [mountPoint])
                #expect(command.exitCode == 32)
                #expect(command.errors == "mount.claro: \(message)\n")
            }
        }
    }

    @Test func `nonempty lets a directory with entries be used`() throws {
        try TemporaryDirectory.with { directory in
            mkdir("\(directory)/entry", 0o700)
            let command = try Command.run(["-f", directory, "-o", "nonempty"])
            #expect(command.exitCode == 0)
        }
    }
}
