import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Mounts of a user who is not root, by fusermount3; in a view of the machine in which `/dev/fuse` is open to all, as it
/// is where people use it.
struct OrdinaryUserTests {
    static let user = 65_534
    static let otherUser = 65_533
    static let library: Workspace = ["acme": [.init("support", versions: [.init("one")])]]

    @Test func `an ordinary user mounts, reads and unmounts`() async throws {
        try await withHome { home in
            let mount = try await start(in: home)
            let line = "cat @acme/support/v1/content.md; stat -c ' %u %A' @acme"
            let look = try await run(line, by: Self.user, in: mount)
            #expect(look.text == "one \(Self.user) dr-xr-xr-x\n", "\(look.errors)")
            let end = "cd /; fusermount3 -u \(home.place); grep -c \(home.place) /proc/self/mounts"
            #expect(try await run(end, by: Self.user, in: mount).text == "0\n")
            #expect(try await mount.daemon.end().status == 0)
        }
    }

    @Test func `a signal to an ordinary user's daemon takes the mount down`() async throws {
        try await withHome { home in
            let mount = try await start(in: home)
            let line = "grep \(home.place) /proc/self/mounts; true"
            let witness = try await witness(of: mount)
            #expect(try await run(line, by: 0, at: witness).text != "")
            mount.daemon.signal(SIGTERM)
            #expect(try await mount.daemon.end().status == 0)
            #expect(try await run(line, by: 0, at: witness).text == "")
            witness.signal(SIGKILL)
            _ = try await witness.end()
        }
    }

    @Test func `other users, root too, are kept out of an ordinary user's mount`() async throws {
        try await withHome { home in
            try await start(in: home).run { mount async throws in
                for user in [Self.otherUser, 0] {
                    let end = try await run("cat \(home.place)/@acme/support/v1/content.md", by: user, in: mount)
                    #expect(end.text == "")
                    #expect(end.errors.contains("Permission denied"))
                }
            }
        }
    }

    @Test func `an ordinary user may let others in where the system allows it`() async throws {
        try await withHome { home in
            do {
                _ = try await start(in: home, ["allow_other"])
                Issue.record("it is mounted")
            } catch let error as MountFixture.MountError {
                #expect(error.description.contains("unless /etc/fuse.conf has the line user_allow_other"))
            }
            try await start(in: home, ["allow_other"], mayShare: true).run { mount async throws in
                let line = "cat \(home.place)/@acme/support/v1/content.md"
                #expect(try await run(line, by: Self.otherUser, in: mount).text == "one")
            }
        }
    }

    @Test(arguments: ["mkdir -m 700", "ln -s /tmp"])
    func `nobody can plant a cache for another user`(planting: String) async throws {
        try await withHome { home in
            let cache = "\(home.path)/shared/cache"
            let line = """
                mkdir -m 1777 \(home.path)/shared
                setpriv --reuid=\(Self.otherUser) --regid=\(Self.otherUser) --clear-groups \(planting) \(cache)
                """
            #expect(try await ChildProcess.run(["bash", "-ec", line]).errors == "")
            do {
                _ = try await start(in: home, ["cache=\(cache)"])
                Issue.record("it is mounted")
            } catch let error as MountFixture.MountError {
                #expect(error.description.hasPrefix("mount.claro ended with 1: "))
                #expect(error.description.contains("using the cache directory \(cache) failed: "))
            }
        }
    }

    @Test func `an ordinary user's key is not in the environment of children, nor in that of the daemon`() async throws
    {
        try await withHome { home in
            let mount = try await start(in: home)
            let process = "/proc/\(mount.daemon.processIdentifier)"
            // Memory that must not be dumped is root's (proc(5)).
            let others = try await run("cat \(process)/environ \(process)/maps", by: Self.user, in: mount)
            #expect(others.text == "")
            #expect(others.errors.matches(of: /Permission denied/).count == 2)
            #expect(try await ChildProcess.run(["cat", "\(process)/environ"]).text.contains("PATH="))
            mount.daemon.signal(SIGTERM)
            #expect(try await mount.daemon.end().status == 0)
            let seen = try String(contentsOfFile: "\(home.path)/children", encoding: .utf8)
            // One that mounts, one that unmounts.
            #expect(seen.matches(of: /fusermount3/).count >= 2)
            #expect(seen.contains("PATH="))
            #expect(!seen.contains(MountFixture.key))
        }
    }

    // MARK: The user's view

    /// A user's own directory, and the way to an emulator.
    struct Home {
        let emulator: Emulator
        let scratch: ScratchDirectory

        var path: String { scratch.path }
        var place: String { "\(path)/mount" }
    }

    private func withHome(_ body: (Home) async throws -> Void) async throws {
        try await MountFixture.places.take {
            let emulator = try await Emulator.start(Self.library)
            try await ScratchDirectory.with { scratch in
                chmod(scratch.path, 0o755)
                try await body(Home(emulator: emulator, scratch: scratch))
            }
            await emulator.stop()
        }
    }

    /// Mounts as the user. What fusermount3 is started with is written to the file `children`.
    private func start(in home: Home, _ options: [String] = [], mayShare: Bool = false) async throws -> MountFixture {
        let directory = home.path
        let recorder = """
            #!/bin/sh
            cat /proc/$$/environ /proc/$$/cmdline >> \(directory)/children
            exec \(directory)/view/fusermount3 "$@"

            """
        let script = try home.scratch.write(recorder.utf8, to: "recorder", mode: 0o755)
        let settings = try home.scratch.write((mayShare ? "user_allow_other\n" : "").utf8, to: "fuse.conf", mode: 0o644)
        let preparation = """
            mkdir -p \(directory)/view
            mount -t tmpfs none \(directory)/view
            cd \(directory)/view
            mknod -m 666 fuse c 10 229
            mount --bind fuse /dev/fuse
            touch /etc/fuse.conf
            mount --bind \(settings) /etc/fuse.conf
            touch fusermount3
            mount --bind /usr/bin/fusermount3 fusermount3
            mount --bind \(script) /usr/bin/fusermount3
            mkdir bin
            mount --bind $(dirname "$0") bin
            install -d -m 700 -o \(Self.user) ../cache ../mount
            install -m 600 -o \(Self.user) /dev/null ../children
            exec setpriv --reuid=\(Self.user) --regid=\(Self.user) --clear-groups $PWD/bin/mount.claro "$@"
            """
        return try await .start(home.emulator, in: home.scratch, options: options, preparation: preparation)
    }

    /// Runs a line of bash as a user in the mount's view of the machine, in the mount if it is the user's own.
    private func run(_ line: String, by user: Int, in mount: MountFixture) async throws -> ChildProcess.Output {
        let place = "\(mount.scratch.path)/mount"
        let inside = user == Self.user ? "cd \(place); \(line)" : line
        return try await run(inside, by: user, at: mount.daemon)
    }

    private func run(_ line: String, by user: Int, at process: ChildProcess) async throws -> ChildProcess.Output {
        try await ChildProcess.run(
            [
                "nsenter", "-t", "\(process.processIdentifier)", "-m", "setpriv", "--reuid=\(user)", "--regid=\(user)",
                "--clear-groups", "bash", "-c", line,
            ]
        )
    }

    /// Keeps the mount's view of the machine when the daemon is gone.
    private func witness(of mount: MountFixture) async throws -> ChildProcess {
        let line = "echo here >&2; exec sleep 1000"
        let witness = try await ChildProcess.start(
            ["nsenter", "-t", "\(mount.daemon.processIdentifier)", "-m", "bash", "-c", line]
        )
        _ = await witness.waitForError("here")
        return witness
    }
}
