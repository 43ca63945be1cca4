import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// The daemon is killed at any moment, and the next mount goes on from what is on disk.
struct KillTests {
    /// Texts that stay, and attachments of which a cache of 4 MiB holds a part.
    private static let library = Workspace.generated(
        prompts: 6,
        versions: 2,
        textByteCount: 20_000,
        attachmentByteCount: 1_500_000
    )

    private static let options = ["ttl=1h", "cache_size=4M", "min_free=0"]

    /// So many kills, or as many as fit into the time.
    private static let kills = 200
    private static let longest = Duration.seconds(75)
    /// Microseconds within which a daemon is killed: the time of some reads, ten times as much for a sanitized one.
    private static let longestLife = MountFixture.isSanitized ? 1_200_000 : 120_000

    @Test func `after a kill at any moment the store opens, serves the right bytes, and has what it had`() async throws
    {
        try await StoreFixture.with(Self.library) { store async throws in
            let contents = try ReadWorkload.contents(of: Self.library)
            var random = SeededRandom(seed: 42)
            var readTexts: Set<String> = []
            var killCount = 0
            let end = ContinuousClock.now + Self.longest
            while killCount < Self.kills, .now < end {
                let delay = Duration.microseconds(Int.random(in: 0...Self.longestLife, using: &random))
                let seeds = (1...3).map { _ in random.next() }
                var texts: Set<String> = []
                var errors = ""
                let requests = try await store.requests { () async throws in
                    let mount = try await MountFixture.start(store.emulator, in: store.scratch, options: Self.options)
                    let workload = ReadWorkload(path: mount.path, contents: contents)
                    async let killing: Void = {
                        try? await Task.sleep(for: delay)
                        workload.willBeCut()
                        mount.daemon.signal(SIGKILL)
                    }()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for seed in seeds { group.addTask { try await offPool { workload.run(seed: seed) } } }
                        try await group.waitForAll()
                    }
                    await killing
                    let output = try await mount.daemon.end()
                    #expect(output.status == 128 + SIGKILL, "\(output.errors)")
                    errors = output.errors
                    #expect(workload.faults == [])
                    texts = workload.readTexts
                }
                #expect(!errors.contains("warning"), "\(errors)")
                let again = requests.filter { $0.operation == .getPrompt }.compactMap(\.subject).filter(
                    readTexts.contains
                )
                #expect(again == [], "were read before")
                readTexts.formUnion(texts)
                killCount += 1
            }
            let downloads = store.emulator.requests.count(of: .storage)
            print("killed \(killCount) times during reads of \(readTexts.count) versions and \(downloads) downloads")
            #expect(downloads > 12, "nothing was evicted")
            #expect(killCount >= 10)
            #expect(store.emulator.requests.count(of: .listPrompts) == 1)
            let requests = try await store.requests { () async throws in
                try await store.mount(Self.options) { mount async throws in
                    for (name, bytes) in contents { #expect(try await mount.read(name) == bytes) }
                }
            }
            #expect(
                requests.filter { $0.operation == .getPrompt }.compactMap(\.subject).filter(readTexts.contains) == []
            )
            // What kills have left behind counts as well.
            let stored = try await store.output(of: "cat cache/*/[0-9a-f]*[0-9a-f] | wc -c")
            #expect(try #require(Int(stored.dropLast())) <= (4 << 20) + 2 * 1_500_000)
        }
    }

    @Test func `of attachments that are stored a kill costs none`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            let contents = try ReadWorkload.contents(of: Self.library).filter { $0.key.hasSuffix("data.bin") }
            let names = contents.keys.sorted()
            var random = SeededRandom(seed: 7)
            try await store.mount(["ttl=1h"])
            for (index, name) in names.enumerated() {
                let stored = names[..<index]
                let requests = try await store.requests { () async throws in
                    try await store.mountAndKill(["ttl=1h"]) { mount async throws in
                        for name in stored { #expect(try await mount.read(name) == contents[name]) }
                    }
                }
                #expect(requests.summary == [])
                // A download that is cut leaves nothing that is served.
                try await store.mountAndKill(["ttl=1h"]) { mount async throws in
                    let count = Int.random(in: 1...1_400_000, using: &random)
                    let head = try await mount.bash("head -c \(count) \(name)").bytes
                    #expect(head == Array(contents[name, default: []].prefix(count)))
                }
                try await store.mountAndKill(["ttl=1h"]) { mount async throws in
                    #expect(try await mount.read(name) == contents[name])
                    try await mount.waitUntil("it is not stored") { () async throws in
                        let bytes = try await mount.output(of: "jq .cache.attachmentBytes .claro/status.json")
                        return Int(bytes.dropLast()) == 1_500_000 * (index + 1)
                    }
                }
            }
        }
    }

    @Test func `of a download that a kill cuts what has arrived is kept, but for a MiB or two`() async throws {
        let attachment = Workspace.Attachment.synthetic(seed: 8, byteCount: 15 << 20)
        let library: Workspace = [
            "acme": [.init("a", versions: [.init("one", context: [.file("data.bin", attachment)])])]
        ]
        try await StoreFixture.with(library) { store async throws in
            let file = "@acme/a/v1/context/data.bin"
            store.emulator.inject(.slowDrip(bytesPerSecond: 2 << 20), on: .storage, times: 1)
            try await store.mountAndKill(["ttl=1h"]) { mount async throws in
                try await mount.output(of: "head -c 4M \(file) | wc -c")
                try await mount.waitUntil("it is not kept") { () async throws in
                    let bytes = try await mount.output(of: "jq .cache.attachmentBytes .claro/status.json")
                    return try #require(Int(bytes.dropLast())) >= 3 << 20
                }
            }
            let requests = try await store.requests { () async throws in
                try await store.mount(["ttl=1h"]) { mount async throws in
                    #expect(try await mount.read(file) == (try attachment.read(0..<15 << 20)))
                }
            }
            #expect(requests.map(\.operation) == [.downloadURL, .storage])
            let start = try #require(requests.compactMap(\.range).first?.dropFirst(6).split(separator: "-").first)
            #expect(try #require(Int(start)) >= 3 << 20)
        }
    }

    @Test func `the dead mount of a killed daemon is replaced`() async throws {
        try await StoreFixture.with(Self.library) { store async throws in
            try await store.mountAndKill { mount async throws in
                _ = try await mount.read("@load-0/prompt-00000/v1/content.md")
            }
            let mounts = "grep -c '\(store.scratch.path)/mount fuse.claro' /proc/self/mounts; ls mount 2>&1"
            #expect(try await store.output(of: "\(mounts); true").hasPrefix("1\nls: "))
            let requests = try await store.requests { () async throws in
                try await store.mount { mount async throws in
                    _ = try await mount.read("@load-0/prompt-00000/v1/content.md")
                    #expect(try await store.output(of: mounts) == "1\n@load-0\n")
                }
            }
            #expect(requests.summary == [])
        }
    }
}
