import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Mounting by mount(8), with the program linked where mount(8) looks for it: in a mount namespace of its own, so that
/// the machine stays as it is.
struct SystemMountTests {
    static let library: Workspace = ["acme": [.init("support", versions: [.init("one")])]]

    /// Runs lines of bash in a namespace where `/sbin` also has `mount.claro` and `mount.fuse.claro`. `$SOURCE`,
    /// `$PLACE` and `$OPTIONS` are set, and so is `$SCRATCH`.
    private func run(_ lines: String) async throws -> ChildProcess.Output {
        let emulator = try await Emulator.start(Self.library)
        let end = try await ScratchDirectory.with { scratch in
            let key = try scratch.write(MountFixture.key.utf8, to: "key")
            let prepared = """
                set -eu
                mkdir "$SCRATCH/sbin" "$PLACE"
                cp -a /sbin/. "$SCRATCH/sbin/"
                ln -s "$PROGRAM" "$SCRATCH/sbin/mount.claro"
                ln -s "$PROGRAM" "$SCRATCH/sbin/mount.fuse.claro"
                mount --bind "$SCRATCH/sbin" "$(realpath /sbin)"

                """
            return try await ChildProcess.run(
                ["unshare", "-m", "bash", "-c", prepared + lines],
                environment: [
                    "PROGRAM": try MountFixture.program("mount.claro"), "SOURCE": emulator.url,
                    "SCRATCH": scratch.path, "PLACE": "\(scratch.path)/mount",
                    "OPTIONS": "credentials=\(key),cache=\(scratch.path)/cache",
                ]
            )
        }
        await emulator.stop()
        return end
    }

    @Test func `mount -t claro mounts, and umount ends it`() async throws {
        let end = try await run(
            """
            mount -t claro "$SOURCE" "$PLACE" -o "$OPTIONS,nofail,x-test=1"
            findmnt -n -o SOURCE,FSTYPE "$PLACE" | tr -s ' '
            cat "$PLACE/@acme/support/v1/content.md"
            umount "$PLACE"
            findmnt "$PLACE" || echo ' ended'
            """
        )
        #expect(end.errors == "")
        #expect(end.status == 0)
        #expect(end.lines.count == 2)
        #expect(end.lines.first?.hasSuffix(" fuse.claro") == true)
        #expect(end.lines.last == "one ended")
    }

    @Test func `a second mount -a sees the first`() async throws {
        let end = try await run(
            """
            echo "$SOURCE $PLACE claro $OPTIONS 0 0" > "$SCRATCH/fstab"
            mount -a -T "$SCRATCH/fstab"
            mount -a -T "$SCRATCH/fstab"
            grep -c " $PLACE " /proc/self/mountinfo
            umount "$PLACE"
            """
        )
        #expect(end.errors == "")
        #expect(end.text == "1\n")
        #expect(end.status == 0)
    }

    @Test(arguments: ["mount -t fuse.claro -o remount,rw", "mount -i -o remount,rw"])
    func `a remount lets the kernel write, and the daemon refuses`(command: String) async throws {
        let end = try await run(
            """
            mount -t claro "$SOURCE" "$PLACE" -o "$OPTIONS"
            \(command) "$PLACE"
            findmnt -n -o OPTIONS "$PLACE" | tr , '\\n' | grep -x rw
            for line in 'echo x > "$PLACE/@acme/support/v1/content.md"' 'touch "$PLACE/new"' 'rm "$PLACE/@acme/support/latest"'
            do
                (eval "$line") 2>&1 | grep -o 'Read-only file system' || true
            done
            cat "$PLACE/@acme/support/v1/content.md"
            umount "$PLACE"
            """
        )
        #expect(end.errors == "")
        let refusal = "Read-only file system\n"
        #expect(end.text == "rw\n" + refusal + refusal + refusal + "one")
        #expect(end.status == 0)
    }

    @Test func `mount(8) passes the error on`() async throws {
        let end = try await run(
            """
            mount -t claro "$SOURCE" "$PLACE" -o "$OPTIONS,bogus=1" || echo "status $?"
            mount -t claro "$SOURCE" "$PLACE/none" -o "$OPTIONS" || echo "status $?"
            mount -t claro http://127.0.0.1:1 "$PLACE" -o "$OPTIONS" || echo "status $?"
            """
        )
        #expect(end.text == "status 1\nstatus 32\nstatus 32\n")
        let errors = end.errors.split(separator: "\n")
        #expect(errors.count { $0.hasPrefix("mount.claro: ") } == 3)
    }

    @Test func `a mount can be made in a chroot, whose root is no mount`() async throws {
        let end = try await run(
            """
            mkdir -p "$SCRATCH/root/place"
            for path in $(find / -mindepth 1 -maxdepth 1 -type l); do cp -a "$path" "$SCRATCH/root"; done
            for path in $(find / -mindepth 1 -maxdepth 1 -type d); do
                mkdir "$SCRATCH/root$path"
                mount --bind "$path" "$SCRATCH/root$path"
            done
            chroot "$SCRATCH/root" "$PROGRAM" "$SOURCE" /place -o "$OPTIONS"
            cat "$SCRATCH/root/place/@acme/support/v1/content.md"
            chroot "$SCRATCH/root" umount /place
            """
        )
        #expect(end.errors == "")
        #expect(end.text == "one")
        #expect(end.status == 0)
    }
}
