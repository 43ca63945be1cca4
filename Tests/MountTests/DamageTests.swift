import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Something happens to the files of the store while nothing is mounted. With the network there, all is as if it had not.
struct DamageTests {
    private static let library: Workspace = [
        "acme": [
            .init(
                "support",
                versions: [
                    .init("one"),
                    .init(
                        "two\n" + String(repeating: "line\n", count: 3_000),
                        system: "system",
                        context: [
                            .file("small.txt", .text("small"), id: "ctx_small"),
                            .file("medium.bin", .synthetic(seed: 5, byteCount: 2_500_000), id: "ctx_medium"),
                        ]
                    ),
                ]
            ),
            .init("billing", versions: [.init("bill", critique: "critique")]),
        ],
        "alice": [.init("ideas", draft: .init("nothing is published"))],
    ]

    /// Everything that the mount shows. `generatedAt` is of the answer, not of the version.
    private static let everything = """
        find . -printf '%P %y %s %m %l\n' | sort
        find . -type f ! -name metadata.json -print0 | sort -z | xargs -0 sha256sum
        find . -name metadata.json | sort | xargs jq -cS 'walk(if type == "object" then del(.generatedAt) else . end)'
        """

    /// Runs `body` with a store that has all of the library, a copy of it at `sound`, and what a mount must show.
    private static func withStore(
        _ body: (_ store: StoreFixture, _ options: [String], _ everything: String) async throws -> Void
    ) async throws {
        try await StoreFixture.with(library) { store async throws in
            let file = try store.scratch.write(Array(MountFixture.key.utf8), to: "credentials")
            let options = ["credentials=\(file)", "ttl=1h", "draft_ttl=1h", "min_free=0"]
            var everything = ""
            // With what a killed daemon leaves: a write-ahead log that is not yet in the database.
            let mount = try await MountFixture.start(store.emulator, in: store.scratch, options: options, key: nil)
            everything = try await mount.output(of: Self.everything)
            try await mount.waitUntil("not all is stored") { () async throws in
                let bytes = try await mount.output(of: "jq .cache.attachmentBytes .claro/status.json")
                return bytes == "2500005\n"
            }
            mount.daemon.signal(SIGKILL)
            _ = try await mount.daemon.end()
            #expect(everything.split(separator: "\n").count == 37, "\(everything)")
            try await store.output(of: "umount -l mount; cp -a cache sound")
            let requests = try await store.requests { () async throws in
                try await store.mount(options, key: nil) { mount async throws in
                    #expect(try await mount.output(of: Self.everything) == everything)
                }
            }
            #expect(requests.summary == [])
            try await body(store, options, everything)
        }
    }

    /// Damages a copy of the store, mounts it, and looks at everything.
    private static func check(
        _ damage: String,
        _ store: StoreFixture,
        _ options: [String],
        _ everything: String
    ) async throws {
        try await store.output(of: "rm -rf cache; cp -a sound cache; cd cache; \(damage)")
        try await store.mount(options, key: nil) { mount async throws in
            #expect(try await mount.output(of: Self.everything) == everything, "after \(damage)")
        }
    }

    private static let files = [
        "*/library.sqlite", "*/library.sqlite-wal", "*/library.sqlite-shm", "*/fetches.lock", "*/[0-9a-f]*[0-9a-f]",
        "key-*", "CACHEDIR.TAG",
    ]

    private static let damages = [
        "rm $f", "truncate -s 0 $f", "truncate -s $(($(stat -c %s $f) / 2)) $f", "truncate -s +1000 $f",
        "shred -n 1 --random-source=<(yes) $f", "dd if=/dev/zero of=$f bs=4096 count=2 conv=notrunc status=none",
        "rm $f; mkdir $f", "rm $f; mkdir -p $f/sub", "rm $f; ln -s /nonexistent/file $f", "rm $f; ln -s $f $f",
        "rm $f; mkfifo -m 600 $f",
    ]

    @Test(arguments: files)
    func `whatever becomes of a file of the store, the mount shows what there is`(file: String) async throws {
        try await Self.withStore { store, options, everything async throws in
            for damage in Self.damages {
                try await Self.check("for f in \(file); do \(damage); done", store, options, everything)
            }
        }
    }

    @Test(arguments: 0..<8)
    func `flipped bits are never served`(group: Int) async throws {
        try await Self.withStore { store, options, everything async throws in
            for seed in group * 6..<group * 6 + 6 {
                var random = SeededRandom(seed: UInt64(seed + 1))
                // One in a chosen file, or a number of them all over the store.
                let count = seed.isMultiple(of: 2) ? 1 : 40
                let names = ["*/library.sqlite", "*/library.sqlite-wal", "*/[0-9a-f]*[0-9a-f]", "key-*"]
                let flips = (1...count).map { _ in
                    let name = count == 1 ? names[seed / 2 % 3] : names[Int.random(in: 0..<4, using: &random)]
                    return
                        "\(name)=\(Double.random(in: 0..<1, using: &random))=\(Int.random(in: 0..<8, using: &random))"
                }
                let script = """
                    python3 -c '
                    import glob, os, sys
                    for flip in sys.argv[1:]:
                        pattern, place, bit = flip.split("=")
                        for name in glob.glob(pattern):
                            with open(name, "r+b") as file:
                                offset = int(float(place) * os.path.getsize(name))
                                file.seek(offset)
                                byte = file.read(1)
                                file.seek(offset)
                                file.write(bytes(value ^ 1 << int(bit) for value in byte))
                    ' \(flips.map { "'\($0)'" }.joined(separator: " "))
                    """
                try await Self.check(script, store, options, everything)
            }
        }
    }

    @Test(arguments: ["7", "0"])
    func `a store of another layout is set aside`(layout: String) async throws {
        try await Self.withStore { store, options, everything async throws in
            let damage = "sqlite3 */library.sqlite 'PRAGMA user_version = \(layout)'"
            try await Self.check(damage, store, options, everything)
            #expect(try await store.output(of: "ls cache/*/library.sqlite.aside | wc -l") == "1\n")
        }
    }

    @Test func `where the store's directory cannot be used, nothing is kept and all is shown`() async throws {
        try await Self.withStore { store, options, everything async throws in
            for damage in [
                "rm -r [0-9a-f]*[0-9a-f]", "for d in [0-9a-f]*[0-9a-f]; do rm -r $d; touch $d; done",
                "for d in [0-9a-f]*[0-9a-f]; do rm -r $d; ln -s /nonexistent/directory $d; done",
            ] {
                try await Self.check(damage, store, options, everything)
            }
        }
    }
}
