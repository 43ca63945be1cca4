import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// The cache on filesystems of its own: full ones, one whose power is cut, and one elsewhere.
@Suite(.enabled(if: geteuid() == 0, "mounting a filesystem takes root"))
struct DiskTests {
    private static let fileByteCount: Int64 = 1 << 20

    /// Attachments `prompt-00000/v1/context/data.bin`, … of 1 MiB each.
    private static func library(_ count: Int, byteCount: Int64 = fileByteCount) -> Workspace {
        Workspace.generated(prompts: count, versions: 1, textByteCount: 500, attachmentByteCount: byteCount)
    }

    private static func name(_ index: Int) -> String {
        let digits = String(index)
        return "@load-0/prompt-\(String(repeating: "0", count: 5 - digits.count))\(digits)/v1/context/data.bin"
    }

    private static func bytes(_ index: Int, in library: Workspace) throws -> [UInt8] {
        let version = library.namespaces[0].prompts[index].versions[0]
        guard case .file(_, _, let attachment)? = version.context.first?.kind else { return [] }
        return try attachment.read(0..<attachment.byteCount)
    }

    /// Runs `body` with an empty ext4 filesystem of `size` at `disk`, on which the cache is.
    private static func withDisk(
        _ size: String,
        options: String = "-O ^has_journal",
        _ library: Workspace,
        _ body: (_ store: StoreFixture, _ cache: String) async throws -> Void
    ) async throws {
        try await StoreFixture.with(library) { store async throws in
            try await store.output(
                of: """
                    truncate -s \(size) image && mkfs.ext4 -q -m 0 \(options) image
                    mkdir disk && mount -o loop image disk
                    """
            )
            do {
                try await body(store, "cache=\(store.scratch.path)/disk/cache")
            } catch {
                try await store.output(of: "umount -l disk")
                throw error
            }
            try await store.output(of: "umount -l disk")
        }
    }

    /// Bytes of attachments as `stat` sees them.
    private static let storedBytes =
        "find cache/*/ -regex '.*/[0-9a-f]*' -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'"

    // MARK: A full disk

    @Test(arguments: [false, true])
    func `on a full disk reads go on from the network, with one warning`(isFullFromTheStart: Bool) async throws {
        let library = Self.library(12)
        try await Self.withDisk("8M", library) { store, cache async throws in
            let fill = "mkdir -p -m 700 disk/cache; cat /dev/zero > disk/fill; true"
            if isFullFromTheStart { try await store.output(of: "\(fill) 2>/dev/null") }
            let mount = try await MountFixture.start(
                store.emulator,
                in: store.scratch,
                options: [cache, "min_free=0", "ttl=1h"]
            )
            try await mount.run { mount async throws in
                if !isFullFromTheStart {
                    _ = try await mount.read(Self.name(0))
                    try await store.output(of: "\(fill) 2>/dev/null")
                }
                for _ in 1...2 {
                    for index in 0..<12 {
                        #expect(try await mount.read(Self.name(index)) == (try Self.bytes(index, in: library)))
                    }
                    try await mount.output(of: "cat @load-0/*/v1/*.* > /dev/null; echo 3 > /proc/sys/vm/drop_caches")
                }
            }
            let warnings = mount.daemon.standardError.split(separator: "\n").filter { $0.contains("warning") }
            #expect(warnings.count == 1, "\(warnings)")
            // With room again it keeps again.
            try await store.output(of: "rm disk/fill")
            let options = [cache, "min_free=0", "ttl=1h"]
            try await store.mount(options) { mount async throws in _ = try await mount.read(Self.name(1)) }
            let requests = try await store.requests { () async throws in
                try await store.mount(options) { mount async throws in
                    #expect(try await mount.read(Self.name(1)) == (try Self.bytes(1, in: library)))
                }
            }
            #expect(requests.summary == [])
        }
    }

    @Test func `min_free bytes stay free on the cache's disk`() async throws {
        let library = Self.library(24)
        try await Self.withDisk("32M", library) { store, cache async throws in
            try await store.mount([cache, "min_free=16M", "ttl=1h"]) { mount async throws in
                for index in 0..<24 {
                    #expect(try await mount.read(Self.name(index)) == (try Self.bytes(index, in: library)))
                    // Room is made in the background.
                    try await mount.waitUntil("too little is free") { () async throws in
                        let free = try await store.output(of: "stat -f -c '%a %S' disk | awk '{ print $1 * $2 }'")
                        return try #require(Int(free.dropLast())) > 14 << 20
                    }
                }
            }
        }
    }

    @Test func `min_free bytes stay free where there is nothing but texts`() async throws {
        let library = Workspace.generated(prompts: 200, versions: 1, textByteCount: 50_000)
        try await Self.withDisk("24M", library) { store, cache async throws in
            let mount = try await MountFixture.start(
                store.emulator,
                in: store.scratch,
                options: [cache, "min_free=18M", "ttl=1h"]
            )
            try await mount.run { mount async throws in
                try await mount.output(of: "cat @load-0/*/v1/content.md > /dev/null")
                try await mount.waitUntil("too little is free") { () async throws in
                    let free = try await store.output(of: "stat -f -c '%a %S' disk | awk '{ print $1 * $2 }'")
                    return try #require(Int(free.dropLast())) >= 18 << 20
                }
            }
            #expect(mount.daemon.standardError.contains("warning: the cache in"))
        }
    }

    // MARK: Power

    /// Has the filesystem forget all that is not on the disk yet, its journal included, and fail from then on: what is
    /// there is what a machine finds that was switched off (FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH).
    private static let cutPower = """
        python3 -c 'import fcntl, os, struct
        fcntl.ioctl(os.open("disk", os.O_RDONLY), 0x8004587d, struct.pack("I", 2))'
        """

    @Test func `after the power was cut at any moment the store opens, and serves the right bytes`() async throws {
        let library = Workspace.generated(
            prompts: 12,
            versions: 2,
            textByteCount: 20_000,
            attachmentByteCount: 1_500_000
        )
        try await Self.withDisk("64M", options: "-J size=4", library) { store, cache async throws in
            let contents = try ReadWorkload.contents(of: library)
            let options = [cache, "min_free=0", "ttl=1h"]
            var random = SeededRandom(seed: 3)
            var requestCounts: [Int] = []
            for _ in 1...12 {
                let delays = (1...2).map { _ in Duration.microseconds(Int.random(in: 0...300_000, using: &random)) }
                let seeds = (1...3).map { _ in random.next() }
                // Half of the attachments fit, so that there is always something to write.
                let mount = try await MountFixture.start(
                    store.emulator,
                    in: store.scratch,
                    options: options + ["cache_size=20M"]
                )
                let workload = ReadWorkload(path: mount.path, contents: contents)
                async let cut: Void = {
                    try await Task.sleep(for: delays[0])
                    try await store.output(of: "sync -f disk")
                    try await Task.sleep(for: delays[1])
                    workload.willBeCut()
                    try await store.output(of: Self.cutPower)
                    mount.daemon.signal(SIGKILL)
                }()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for seed in seeds { group.addTask { try await offPool { workload.run(seed: seed) } } }
                    try await group.waitForAll()
                }
                try await cut
                _ = try await mount.daemon.end()
                #expect(workload.faults == [])
                // Who looks at all mounts of the machine may be in this one for a moment; and another mount namespace may hold the
                // filesystem, and then it would be the same one again.
                try await store.output(
                    of: """
                        until umount mount; do sleep 0.02; done
                        umount disk && while losetup -j image | grep -q .; do sleep 0.02; done
                        mount -o loop,commit=1 image disk
                        """
                )

                let after = try await MountFixture.start(store.emulator, in: store.scratch, options: options)
                let requests = try await store.requests { () async throws in
                    try await after.run { mount async throws in
                        for (name, bytes) in contents { #expect(try await mount.read(name) == bytes) }
                    }
                }
                requestCounts.append(requests.count)
                #expect(!after.daemon.standardError.contains("set aside"), "\(after.daemon.standardError)")
            }
            // Without a store it would be 72 each time.
            print("requests after each power cut: \(requestCounts)")
            #expect(requestCounts.reduce(0, +) < 12 * 48)
        }
    }

    // MARK: A network filesystem

    @Test func `on a network filesystem the cache is in /var/tmp instead, with a warning`() async throws {
        let library: Workspace = ["acme": [.init("support", versions: [.init("one")])]]
        try await StoreFixture.with(library) { store async throws in
            // In a namespace whose /var/tmp is another one. sshfs talks to the server that ssh would start elsewhere.
            let script = """
                set -eu
                mkdir -m 1777 var-tmp && mount --bind var-tmp /var/tmp
                printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' > ssh && chmod +x ssh
                mkdir mount remote disk && sshfs -o ssh_command=$PWD/ssh elsewhere:$PWD/disk remote
                for i in 1 2; do
                    exec 3< <(exec $PROGRAM $SOURCE mount --foreground -o cache=$PWD/remote/cache 2>&1)
                    until [[ $line == *"is mounted on"* ]]; do read -r -u 3 line; echo "$line"; done
                    cat mount/@acme/support/v1/content.md; echo
                    umount mount; cat <&3; line=
                done
                find disk remote -name '*.sqlite*'; find /var/tmp -name library.sqlite | sed -E 's|[0-9a-f]{64}|LIBRARY|'
                umount remote
                """
            let output = try await ChildProcess.run(
                ["unshare", "-m", "bash", "-c", script],
                directory: store.scratch.path,
                environment: [
                    "PROGRAM": try MountFixture.program("mount.claro"), "SOURCE": store.emulator.url,
                    "BAYT_API_KEY": MountFixture.key, "line": "",
                ]
            )
            #expect(output.status == 0, "\(output.errors)")
            let warning = """
                warning: the cache cannot be in \(store.scratch.path)/remote/cache, which is on fuse.sshfs: \
                using /var/tmp/claro-0
                """
            #expect(output.lines.count { $0 == warning } == 2, "\(output.text)")
            #expect(output.lines.count { $0 == "one" } == 2)
            #expect(output.lines.filter { $0.contains("sqlite") } == ["/var/tmp/claro-0/LIBRARY/library.sqlite"])
            #expect(store.emulator.requests.entries.map(\.operation) == [.listPrompts, .getPrompt])
        }
    }

    // MARK: Quota

    @Test func `cache_size holds, and those stay that were used last`() async throws {
        let library = Self.library(10)
        try await StoreFixture.with(library) { store async throws in
            // Texts take a few kilobytes.
            let options = ["cache_size=4200K", "min_free=0", "ttl=1h"]
            try await store.mount(options) { mount async throws in
                for index in 0..<10 {
                    #expect(try await mount.read(Self.name(index)) == (try Self.bytes(index, in: library)))
                    try await mount.waitUntil("too much is stored") { () async throws in
                        let stored = try await store.output(of: Self.storedBytes)
                        return try #require(Int(stored.dropLast())) <= 4 << 20
                    }
                }
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(options) { mount async throws in
                    for index in 6..<10 { _ = try await mount.read(Self.name(index)) }
                    #expect(store.emulator.requests.count(of: .storage) == 10)
                    _ = try await mount.read(Self.name(0))
                }
            }
            #expect(requests.map(\.operation) == [.downloadURL, .storage])
        }
    }

    @Test func `a use in a later mount counts`() async throws {
        let library = Self.library(8)
        try await StoreFixture.with(library) { store async throws in
            let options = ["cache_size=4200K", "min_free=0", "ttl=1h"]
            for uses in [[0], [1], [2, 3, 4], [0], [5], [6]] {
                try await store.mount(options) { mount async throws in
                    for index in uses { _ = try await mount.read(Self.name(index)) }
                }
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(options) { mount async throws in _ = try await mount.read(Self.name(0)) }
            }
            #expect(requests.summary == [])
        }
    }

    @Test func `small attachments take their own size, not a chunk's`() async throws {
        let library = Self.library(20, byteCount: 50_000)
        try await StoreFixture.with(library) { store async throws in
            let options = ["cache_size=2M", "min_free=0", "ttl=1h"]
            let command = "cat @load-0/*/v1/context/data.bin | wc -c"
            for expected in [20, 0] {
                let before = store.emulator.requests.count(of: .storage)
                try await store.mount(options) { mount async throws in
                    #expect(try await mount.output(of: command) == "1000000\n")
                    #expect(try await mount.output(of: "jq .cache.attachmentBytes .claro/status.json") == "1000000\n")
                }
                #expect(store.emulator.requests.count(of: .storage) - before == expected)
            }
        }
    }

    @Test func `texts outlive attachments`() async throws {
        let library = Self.library(12)
        try await StoreFixture.with(library) { store async throws in
            let options = ["cache_size=1M", "min_free=0", "ttl=1h"]
            let texts = "cat @load-0/*/v1/*.md | sha256sum"
            var sum = ""
            try await store.mount(options) { mount async throws in
                sum = try await mount.output(of: texts)
                for index in 0..<12 { _ = try await mount.read(Self.name(index)) }
            }
            await store.emulator.stop()
            try await store.mount(options) { mount async throws in
                #expect(try await mount.output(of: texts) == sum)
                #expect(try await mount.readError(Self.name(0)) == .EHOSTUNREACH)
                // That it is not there any more makes it neither shorter nor absent.
                #expect(try await mount.status(Self.name(0)).st_size == 1 << 20)
            }
        }
    }

    @Test func `a reader of what is evicted meanwhile reads on`() async throws {
        var library = Self.library(8)
        let large = Workspace.Attachment.synthetic(seed: 9, byteCount: 20 << 20)
        library.namespaces[0].prompts[0].versions[0].context = [.file("data.bin", large, id: "ctx_large")]
        try await StoreFixture.with(library) { store async throws in
            try await store.mount(["cache_size=2M", "min_free=0", "ttl=1h"]) { mount async throws in
                let others = (1..<8).map(Self.name).joined(separator: " ")
                let sum = try await mount.output(
                    of: "{ head -c 1000; cat \(others) > /dev/null; cat; } < \(Self.name(0)) | sha256sum"
                )
                let file = try store.scratch.write(try large.read(0..<20 << 20), to: "large.bin")
                #expect(try await store.output(of: "sha256sum < \(file)") == sum)
            }
        }
    }
}
