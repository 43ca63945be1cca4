import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What goes when the cache is full, and what stays.
struct EvictionTests {
    private static let attachmentByteCount: Int64 = 1 << 20

    private static func file(_ index: Int) -> String {
        "@load-0/prompt-\(index < 10 ? "0000" : "000")\(index)/v1/context/data.bin"
    }

    private static func text(_ index: Int) -> String {
        "@load-0/prompt-\(index < 10 ? "0000" : "000")\(index)/v1/content.md"
    }

    /// What is stored of `kind`, attachments or texts, as the status tells.
    private static func storedByteCount(_ kind: String, _ mount: MountFixture) async throws -> Int {
        try #require(Int(try await mount.output(of: "jq .cache.\(kind)Bytes .claro/status.json").dropLast()))
    }

    // MARK: Attachments that are open

    /// Has one file open that it has not read, and another one mapped, until it may read both.
    private static let holder = """
        import hashlib, mmap, os, sys
        opened = open(sys.argv[1], "rb", buffering=0)
        with open(sys.argv[2], "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        print("it holds them", file=sys.stderr, flush=True)
        open(sys.argv[3]).read()
        for data in [opened.read(), mapped]:
            print(hashlib.sha256(data).hexdigest())
        """

    @Test func `what is open or mapped is never evicted`() async throws {
        let library = Workspace.generated(
            prompts: 14,
            versions: 1,
            textByteCount: 500,
            attachmentByteCount: Self.attachmentByteCount
        )
        try await StoreFixture.with(library) { store async throws in
            try await store.mount(["cache_size=4200K", "min_free=0", "ttl=1h"]) { mount async throws in
                let sums = try await mount.output(
                    of: "sha256sum \(Self.file(0)) \(Self.file(1)) | cut -d' ' -f1; mkfifo ../signal"
                )
                let signal = "\(store.scratch.path)/signal"
                let words = ["python3", "-c", Self.holder, Self.file(0), Self.file(1), signal]
                let holder = try await ChildProcess.start(words, directory: mount.path)
                #expect(await holder.waitForError("it holds them"))
                for index in 2..<14 { _ = try await mount.read(Self.file(index)) }
                try await mount.waitUntil("too much is stored") { () async throws in
                    try await Self.storedByteCount("attachment", mount) <= 4 << 20
                }
                let requests = try await store.requests { () async throws in
                    try await mount.output(of: "echo 1 > /proc/sys/vm/drop_caches; echo > ../signal")
                    let output = try await holder.end()
                    #expect(output.text == sums, "\(output.errors)")
                }
                #expect(requests.summary == [])
                // Now that they are closed, they go before those that are read after them.
                for index in 2..<6 { _ = try await mount.read(Self.file(index)) }
                try await mount.waitUntil("too much is stored") { () async throws in
                    try await Self.storedByteCount("attachment", mount) <= 4 << 20
                }
                let again = try await store.requests { () async throws in
                    _ = try await mount.read(Self.file(0))
                    _ = try await mount.read(Self.file(1))
                }
                #expect(again.map(\.operation) == [.downloadURL, .storage, .downloadURL, .storage])
            }
        }
    }

    @Test func `what is open may exceed cache_size, and texts do not go for it`() async throws {
        let library = Workspace.generated(
            prompts: 6,
            versions: 1,
            textByteCount: 20_000,
            attachmentByteCount: Self.attachmentByteCount
        )
        try await StoreFixture.with(library) { store async throws in
            let options = ["cache_size=1M", "min_free=0", "ttl=1h"]
            try await store.mount(options) { mount async throws in
                let files = (0..<6).map(Self.file)
                let open = files.enumerated().map { "exec \($0 + 3)< \($1)" }.joined(separator: "; ")
                let read = (3..<9).map { "cat <&\($0)" }.joined(separator: "; ")
                let requests = try await store.requests { () async throws in
                    let text = try await mount.output(
                        of: """
                            cat @load-0/*/v1/content.md > /dev/null; \(open); cat \(files.joined(separator: " ")) | sha256sum
                            until [ $(jq .cache.attachmentBytes .claro/status.json) = \(6 << 20) ]; do :; done
                            echo 1 > /proc/sys/vm/drop_caches; { \(read); } | sha256sum
                            """
                    )
                    #expect(Set(text.split(separator: "\n")).count == 1)
                }
                #expect(requests.count { $0.operation == .storage } == 6)
                try await mount.waitUntil("what is closed is stored still") { () async throws in
                    try await Self.storedByteCount("attachment", mount) <= 1 << 20
                }
            }
            await store.emulator.stop()
            try await store.mount(options) { mount async throws in
                for index in 0..<6 { _ = try await mount.read(Self.text(index)) }
            }
        }
    }

    @Test func `without a cache directory room is made for what comes last as well`() async throws {
        let library = Workspace.generated(
            prompts: 4,
            versions: 1,
            attachmentByteCount: Self.attachmentByteCount
        )
        try await MountFixture.with(library, options: ["cache=none", "cache_size=3M", "min_free=0"]) {
            mount async throws in
            // Three fit exactly, so that nothing is done before the fourth has come.
            for index in 0..<4 { _ = try await mount.read(Self.file(index)) }
            try await mount.waitUntil("too much is stored") { () async throws in
                try await Self.storedByteCount("attachment", mount) <= 3 << 20
            }
        }
    }

    @Test func `without a cache directory cache_size holds as well`() async throws {
        let library = Workspace.generated(
            prompts: 8,
            versions: 1,
            attachmentByteCount: Self.attachmentByteCount
        )
        try await MountFixture.with(library, options: ["cache=none", "cache_size=3M", "min_free=0"]) {
            mount async throws in
            for index in 0..<8 { _ = try await mount.read(Self.file(index)) }
            try await mount.waitUntil("too much is stored") { () async throws in
                try await Self.storedByteCount("attachment", mount) <= 3 << 20
            }
            let requests = try await mount.requestCount { () async throws in
                try await mount.output(of: "echo 1 > /proc/sys/vm/drop_caches")
                for index in [7, 6] { _ = try await mount.read(Self.file(index)) }
            }
            #expect(requests == 0)
        }
    }

    @Test func `files that a killed daemon has left go after a day`() async throws {
        let library = Workspace.generated(prompts: 3, versions: 1, attachmentByteCount: Self.attachmentByteCount)
        try await StoreFixture.with(library) { store async throws in
            let options = ["cache_size=2M", "min_free=0", "ttl=1h"]
            try await store.mount(options) { mount async throws in _ = try await mount.read(Self.file(0)) }
            let names = ["a", "b"].map { String(repeating: $0, count: 64) }
            try await store.output(
                of: "cd cache/*/; cp [0-9a-f]*[0-9a-f] \(names[0]); cp \(names[0]) \(names[1]); touch -d '2 days ago' *"
            )
            try await store.output(of: "touch cache/*/\(names[1])")
            let left = "cd cache/*/; ls | grep -e \(names[0]) -e \(names[1])"
            try await store.mount(options) { mount async throws in
                #expect(try await store.output(of: left) == names.joined(separator: "\n") + "\n")
                // When there is too much they are looked for.
                for index in [1, 2] { _ = try await mount.read(Self.file(index)) }
                try await mount.waitUntil("what is old is there still") { () async throws in
                    try await store.output(of: left) == names[1] + "\n"
                }
                let requests = try await store.requests { () async throws in _ = try await mount.read(Self.file(2)) }
                #expect(requests.summary == [])
            }
        }
    }

    // MARK: Texts

    @Test func `who has a text open reads on when it was evicted, also without a network`() async throws {
        let library = Workspace.generated(prompts: 20, versions: 1, textByteCount: 60_000)
        try await StoreFixture.with(library) { store async throws in
            try await store.mount(["cache_size=1M", "min_free=0", "ttl=1h"]) { mount async throws in
                let sums = try await mount.output(
                    of: "sha256sum \(Self.text(0)) \(Self.text(1)) | cut -d' ' -f1; mkfifo ../signal"
                )
                let words = ["python3", "-c", Self.holder, Self.text(0), Self.text(1), "\(store.scratch.path)/signal"]
                let holder = try await ChildProcess.start(words, directory: mount.path)
                #expect(await holder.waitForError("it holds them"))
                for index in 2..<20 { _ = try await mount.read(Self.text(index)) }
                try await mount.waitUntil("too much is stored") { () async throws in
                    try await Self.storedByteCount("text", mount) <= 1 << 20
                }
                await store.emulator.stop()
                try await mount.output(of: "echo 1 > /proc/sys/vm/drop_caches; echo > ../signal")
                let output = try await holder.end()
                #expect(output.text == sums, "\(output.errors)")
                // They are not there any more for who comes later.
                #expect(try await mount.readError(Self.text(0)) == .EHOSTUNREACH)
            }
        }
    }

    @Test func `what was left is evicted by the next mount, though nothing comes`() async throws {
        let library = Workspace.generated(prompts: 20, versions: 1, textByteCount: 60_000)
        try await StoreFixture.with(library) { store async throws in
            try await store.mount(["min_free=0", "ttl=1h"]) { mount async throws in
                try await mount.output(of: "cat @load-0/*/v1/content.md > /dev/null")
                #expect(try await Self.storedByteCount("text", mount) > 1 << 20)
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(["cache_size=1M", "min_free=0", "ttl=1h"]) { mount async throws in
                    try await mount.waitUntil("too much is stored") { () async throws in
                        try await Self.storedByteCount("text", mount) <= 1 << 20
                    }
                }
            }
            #expect(requests.summary == [])
        }
    }

    @Test func `texts count, and those stay that were used last`() async throws {
        // About 15 of them fit.
        let library = Workspace.generated(prompts: 20, versions: 1, textByteCount: 60_000)
        try await StoreFixture.with(library) { store async throws in
            let options = ["cache_size=1M", "min_free=0", "ttl=1h"]
            for uses in [Array(0..<10), [0, 1], Array(10..<16), [0, 1], Array(16..<20)] {
                try await store.mount(options) { mount async throws in
                    for index in uses { _ = try await mount.read(Self.text(index)) }
                    try await mount.waitUntil("too much is stored") { () async throws in
                        try await Self.storedByteCount("text", mount) <= 1 << 20
                    }
                }
            }
            try await store.mount(options) { mount async throws in
                let kept = try await store.requests { () async throws in
                    for index in [0, 1] + Array(10..<20) { _ = try await mount.read(Self.text(index)) }
                }
                #expect(kept.summary == [])
                let evicted = try await store.requests { () async throws in _ = try await mount.read(Self.text(2)) }
                #expect(evicted.compactMap(\.subject).contains("@load-0/prompt-00002:v1"))
            }
        }
    }
}
