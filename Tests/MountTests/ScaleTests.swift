import ClaroEmulator
import TestSupport
import Testing

/// Libraries as large as they get. One at a time: what is measured is the daemon's memory, and each fills the machine.
@Suite(.serialized)
struct ScaleTests {
    @Test func `a hundred thousand prompts are listed with a request for each hundred, within a hundred mebibytes`()
        async throws
    {
        let library = Workspace.generated(prompts: 100_000, versions: 1, textByteCount: 10)
        // The emulator takes its time.
        try await MountFixture.with(library, options: ["timeout=10m"]) { mount async throws in
            #expect(mount.emulator.requests.count(of: .listPrompts) == 1_000)
            let names = "seq -f 'prompt-%05.0f' 0 99999"
            try await mount.output(of: "ls @load-0 | cmp - <(\(names))")
            try await mount.output(
                of: "find @load-0 -mindepth 1 -maxdepth 1 -type d -printf '%f\\n' | sort | cmp - <(\(names))"
            )
            #expect(mount.emulator.requests.total == 1_000)
            let held = try mount.privateMemory()
            #expect(held < 100 << 20)
            #expect(try #require(try await mount.metric("claro_inodes")) > 100_000)
            try await eventually("the kernel forgets, and the daemon as well") {
                try await mount.output(of: "echo 2 > /proc/sys/vm/drop_caches")
                return try await mount.metric("claro_inodes") == 2
            }
            #expect(try mount.privateMemory() < held - 10 << 20)
        }
    }

    @Test func `the code that only starting needs leaves memory`() async throws {
        try await MountFixture.with { mount async throws in
            #expect(try await mount.names(".").isEmpty == false)
            // Just before it were 36 MiB; it is given back when the mount answers, not before.
            try await eventually("more stays") { () async throws in try mount.memory("Rss") < 24 << 20 }
        }
    }

    @Test(arguments: [[], ["metadata_ttl=1s"]])
    func `texts that were read leave memory, and are read again without a request`(options: [String]) async throws {
        let library = Workspace.generated(prompts: 48, versions: 1, textByteCount: 1 << 20)
        try await MountFixture.with(library, options: options) { mount async throws in
            let read = "echo 1 > /proc/sys/vm/drop_caches; cat ../mount/@*/*/v1/content.md | sha256sum"
            let digest = try await mount.output(of: read)
            try await eventually("they stay") { () async throws in try mount.memory("Rss") < 44 << 20 }
            // Who has a file open asks for nothing, whatever is to be renewed.
            let file = "@load-0/prompt-00000/v1/content.md"
            let size = try await mount.output(of: "wc -c < \(file)")
            let again = "exec 9< \(file); sleep 1.5; echo 1 > /proc/sys/vm/drop_caches; wc -c <&9"
            let requests = try await mount.requestCount { () async throws in
                #expect(try await mount.output(of: again) == size)
            }
            #expect(requests <= 1, "the lookup's")
            #expect(try await mount.output(of: read) == digest)
        }
    }

    @Test func `a version with two thousand attachments is listed without asking for one of them`() async throws {
        let items = (0..<2_000).map { index in
            Workspace.ContextItem.file("file-\(index).bin", .synthetic(seed: 1, byteCount: Int64(1_000_000 + index)))
        }
        let library: Workspace = ["acme": [.init("large", versions: [.init("text", context: items)])]]
        try await MountFixture.with(library) { mount async throws in
            let sizes = "ls -lv @acme/large/v1/context | awk 'NR > 1 { print $5, $9 }'"
            let expected = "for i in {0..1999}; do echo $((1000000 + i)) file-$i.bin; done"
            try await mount.output(of: "cmp <(\(sizes)) <(\(expected))")
            #expect(mount.emulator.requests.entries.map(\.operation) == [.listPrompts, .getPrompt])
        }
    }
}
