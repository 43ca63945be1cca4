import ClaroEmulator
import Synchronization
import TestSupport
import Testing

/// What is fetched before anybody asks for it: soon enough for programs that walk through the library, and never much more.
struct ReadaheadTests {
    private static let library = Workspace.generated(prompts: 40, versions: 3)
    private static let versionCount = 120

    /// The versions that were asked for, in order of arrival.
    private static func fetched(_ mount: MountFixture) -> [String] {
        mount.emulator.requests.entries.filter { $0.operation == .getPrompt }.compactMap(\.subject)
    }

    /// All versions but the first few that are asked for.
    private static func versions(after count: Int) -> RequestMatcher {
        let first = FirstRequests(count)
        return RequestMatcher { $0.operation == .getPrompt && !first.contain($0.requestID) }
    }

    private final class FirstRequests: Sendable {
        private let count: Int
        private let seen = Mutex<Set<String>>([])

        init(_ count: Int) { self.count = count }

        func contain(_ id: String) -> Bool {
            seen.withLock { seen in
                if seen.count < count { seen.insert(id) }
                return seen.contains(id)
            }
        }
    }

    @Test(arguments: [
        "grep -r . @load-0", "rg . @load-0", "tar -c --sort=name @load-0", "ls -lR @load-0", "cp -a @load-0 ../copy",
        "cat @load-0/*/v?/content.md",
    ])
    func `a program that walks through the library has what comes next fetched ahead`(_ command: String) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.hang, on: Self.versions(after: 40))
            async let walk = mount.bash("\(command) | cat >/dev/null; exit ${PIPESTATUS[0]}")
            // What the program waits for is under way, and more with it than it has threads.
            await mount.emulator.requests.wait(for: 50, of: .getPrompt)
            mount.emulator.clearFaults()
            let output = try await walk
            #expect(output.status == 0, "\(output.errors)")
            let fetched = Self.fetched(mount)
            #expect(Set(fetched).count == fetched.count, "nothing is fetched twice")
            #expect(fetched.count == Self.versionCount)
        }
    }

    @Test(arguments: [
        ("grep -r . @load-0", ["prompt-00000:v1", "prompt-00000:v2"], versionCount),
        ("find @load-0", ["prompt-00000:v1", "prompt-00000:v2"], versionCount),
        ("grep -r . @load-0/prompt-00007", ["prompt-00007:v1", "prompt-00007:v2"], 3),
        ("ls @load-0 @load-0/prompt-00000; cat @load-0/prompt-00000/v1/content.md", ["prompt-00000:v1"], 1),
    ])
    func `from its first version on, if it has listed what is above that`(
        _ command: String,
        first: [String],
        count: Int
    ) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.hang, on: .getPrompt)
            async let walk = mount.bash("{ \(command); } | cat >/dev/null; exit ${PIPESTATUS[0]}")
            await mount.emulator.requests.wait(for: first.count, of: .getPrompt)
            #expect(Self.fetched(mount).sorted() == first.map { "@load-0/\($0)" })
            mount.emulator.clearFaults()
            #expect(try await walk.status == 0)
            let fetched = Self.fetched(mount)
            #expect(Set(fetched).count == fetched.count, "nothing is fetched twice")
            #expect(fetched.count == count)
        }
    }

    @Test(arguments: ["latest", "v2"])
    func `a walk through one version of each prompt fetches no others`(_ version: String) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.hang, on: Self.versions(after: 10))
            async let walk = mount.output(of: "cat @load-0/*/\(version)/content.md >/dev/null")
            await mount.emulator.requests.wait(for: 15, of: .getPrompt)
            mount.emulator.clearFaults()
            _ = try await walk
            #expect(Self.fetched(mount).count == 40)
        }
    }

    private static let attachments = Workspace.generated(prompts: 40, versions: 3, attachmentByteCount: 10_000)

    @Test func `attachments are fetched ahead of a program that reads them`() async throws {
        try await MountFixture.with(Self.attachments) { mount async throws in
            let first = FirstRequests(40)
            mount.emulator.inject(
                .hang,
                on: RequestMatcher { $0.operation == .storage && !first.contain($0.requestID) }
            )
            async let walk = mount.bash("grep -r . @load-0 | cat >/dev/null; exit ${PIPESTATUS[0]}")
            await mount.emulator.requests.wait(for: 45, of: .storage)
            mount.emulator.clearFaults()
            let output = try await walk
            #expect(output.status == 0, "\(output.errors)")
            for operation in [Operation.getPrompt, .downloadURL, .storage] {
                #expect(mount.emulator.requests.count(of: operation) == Self.versionCount, "\(operation)")
            }
        }
    }

    @Test func `attachments are not fetched ahead of a program that reads none`() async throws {
        try await MountFixture.with(Self.attachments) { mount async throws in
            try await mount.output(of: "grep -r --include='*.md' . @load-0 | cat >/dev/null; ls -lR >/dev/null")
            #expect(Self.fetched(mount).count == Self.versionCount)
            #expect(mount.emulator.requests.count(of: .downloadURL) == 0)
        }
    }

    @Test func `however soon a walk ends, it has fetched at most twice the attachments that it read`() async throws {
        try await MountFixture.with(Self.attachments) { mount async throws in
            try await mount.output(of: "cat $(ls -d @load-0/*/v?/context/data.bin | head -n 10) >/dev/null")
            // What is under way then has reached the emulator when this is answered.
            try await mount.output(of: "cat @load-0/prompt-00039/v3/context/data.bin >/dev/null")
            #expect(10...20 ~= mount.emulator.requests.count(of: .downloadURL) - 1)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 10, 50])
    func `however soon a walk ends, it has spent at most twice what it used`(_ length: Int) async throws {
        // So many that the last one is not ahead.
        try await MountFixture.with(.generated(prompts: 99, versions: 3)) { mount async throws in
            try await mount.output(
                of: "cat $(ls -d @load-0/*/v?/ | head -n \(length) | sed s/$/content.md/) >/dev/null"
            )
            // What is under way then has reached the emulator when this is answered.
            try await mount.output(of: "cat @load-0/prompt-00098/v3/content.md >/dev/null")
            let spent = Self.fetched(mount).count - 1
            #expect(spent <= 2 * length)
            // Before it gets from one prompt to the next, it may be a walk through one.
            #expect(length < 4 ? spent == length : spent > length)
        }
    }

    @Test func `the last quarter of the budget stays for people`() async throws {
        // The listing is one of them; the hour has no part in this.
        let configuration = Emulator.Configuration { $0.rateLimits = .init(perMinute: 60, perHour: 10_000) }
        try await MountFixture.with(Self.library, configuration: configuration) { mount async throws in
            try await mount.output(of: "cat $(ls -d @load-0/*/v?/ | head -n 30 | sed s/$/content.md/) >/dev/null")
            #expect(31...45 ~= mount.emulator.requests.total)
            // Somebody who wants to read something finds a quarter left.
            try await mount.output(of: "cat $(ls -d @load-0/*/v?/ | tail -n 15 | sed s/$/content.md/) >/dev/null")
            #expect(mount.emulator.requests.entries.allSatisfy { $0.status == 200 })
        }
    }

    @Test func `a jump from one place to another is no walk`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let jumps =
                "for p in 05 30 11 02 39 24 16 33 08 27; do cat @load-0/prompt-000$p/v$((1 + ${p#0} % 3))/content.md; done"
            try await mount.output(of: "\(jumps) >/dev/null")
            #expect(Self.fetched(mount).count == 10)
        }
    }
}
