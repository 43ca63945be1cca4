import ClaroEmulator
import Foundation
import Synchronization
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

    /// What is in each file.
    private static func contents() throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for prompt in library.namespaces[0].prompts {
            for (number, version) in prompt.numberedVersions {
                let directory = "@load-0/\(prompt.slug)/v\(number)"
                contents["\(directory)/content.md"] = Array(version.content.utf8)
                guard case .file(_, _, let attachment)? = version.context.first?.kind else { continue }
                contents["\(directory)/context/data.bin"] = try attachment.read(0..<attachment.byteCount)
            }
        }
        return contents
    }

    @Test func `after a kill at any moment the store opens, serves the right bytes, and has what it had`() async throws
    {
        try await StoreFixture.with(Self.library) { store async throws in
            let contents = try Self.contents()
            var random = SeededRandom(seed: 42)
            var readTexts: Set<String> = []
            var killCount = 0
            let end = ContinuousClock.now + Self.longest
            while killCount < Self.kills, .now < end {
                let delay = Duration.microseconds(Int.random(in: 0...120_000, using: &random))
                let seeds = (1...3).map { _ in random.next() }
                var texts: Set<String> = []
                var errors = ""
                let requests = try await store.requests { () async throws in
                    let mount = try await MountFixture.start(store.emulator, in: store.scratch, options: Self.options)
                    let workload = Workload(path: mount.path, contents: contents)
                    async let killing: Void = {
                        try? await Task.sleep(for: delay)
                        workload.willBeKilled()
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
            let contents = try Self.contents().filter { $0.key.hasSuffix("data.bin") }
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

/// Reads of files chosen at random, compared with what is in them, until the mount dies.
private final class Workload: Sendable {
    private struct State {
        var willBeKilled = false
        var readTexts: Set<String> = []
        var faults: [String] = []
    }

    private let path: String
    private let contents: [String: [UInt8]]
    private let names: [String]
    private let state = Mutex(State())

    init(path: String, contents: [String: [UInt8]]) {
        self.path = path
        self.contents = contents
        names = contents.keys.sorted()
    }

    func willBeKilled() { state.withLock { $0.willBeKilled = true } }

    /// Wrong bytes, and errors that came before the kill.
    var faults: [String] { state.withLock { $0.faults } }

    /// The versions of which the text was read, as they are asked for.
    var readTexts: Set<String> { state.withLock { $0.readTexts } }

    func run(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        while let name = names.randomElement(using: &random), let bytes = contents[name] {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            let count = Int.random(in: 1...bytes.count - start, using: &random)
            do {
                let read = try Self.read("\(path)/\(name)", at: start, count: count)
                state.withLock { state in
                    if read != Array(bytes[start..<start + count]) {
                        state.faults.append("\(name): wrong bytes in \(count) from \(start)")
                    }
                    let parts = name.split(separator: "/")
                    if parts.count == 4 { state.readTexts.insert("\(parts[0])/\(parts[1]):\(parts[2])") }
                }
            } catch {
                return state.withLock { if !$0.willBeKilled { $0.faults.append("\(name): \(error)") } }
            }
        }
    }

    private static func read(_ file: String, at start: Int, count: Int) throws -> [UInt8] {
        let descriptor = try check(open(file, O_RDONLY))
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            let part = try bytes[position...].withUnsafeMutableBytes {
                try check(pread(descriptor, $0.baseAddress, $0.count, start + position))
            }
            guard part > 0 else { return Array(bytes[..<position]) }
            position += part
        }
        return bytes
    }
}
