import ClaroEmulator
import TestSupport
import Testing

/// What the kernel asks the daemon when a command runs a second time. GNU grep and tar look at where their output goes,
/// and do not read when that is /dev/null.
struct KernelCacheTests {
    private static let library: Workspace = {
        var library = Workspace.generated(prompts: 20, versions: 3, namespaces: 2, attachmentByteCount: 10_000)
        library["load-0", "one"] = .init("one", versions: [.init("", context: [.url("https://example.com")])])
        return library
    }()

    @Test(
        arguments: [
            "grep -r important . | cat | wc -c", "ls -lR | cat | wc -c", "tar -c . | cat | wc -c",
            "find . -type f -size +0 | wc -l", "find . -printf '%p %s %T@ %i\\n' | cat | wc -c",
            "rg -uu important | wc -l",
            "rg --mmap -uu important | wc -l", "diff -r @load-0 @load-1 | wc -c",
            "find . -type f | xargs sha256sum | wc -c",
            "cp -a . COPY && rm -r COPY", "rsync -a . COPY && rm -r COPY",
        ]
    )
    func `a command over published versions asks the daemon nothing the second time, but statfs`(
        command: String
    ) async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1d"]) { mount async throws in
            let line = command.replacing("COPY", with: "\(mount.scratch.path)/copy")
            // Until an attachment's first byte is read, its size is only claimed, and asked for at each look.
            try await mount.output(of: "tar -c . | cat | wc -c")
            _ = try await mount.bash(line)
            let requests = try await mount.requestCount { () async throws in
                let asked = try await mount.leastKernelRequests { () async throws in
                    let output = try await mount.bash(line)
                    #expect(output.errors == "")
                }
                #expect(asked.filter { $0.key != "statfs" } == [:])
                #expect(asked["statfs", default: 0] <= 2)
            }
            #expect(requests == 0)
        }
    }

    @Test func `a size that is only claimed is asked for at each look, without a request to the API`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            let file = "@load-0/prompt-00000/v1/context/data.bin"
            _ = try await mount.status(file)
            let requests = try await mount.requestCount { () async throws in
                let asked = try await mount.kernelRequests { () async throws in
                    for _ in 1...3 { _ = try await mount.status(file) }
                }
                #expect(asked["getattr", default: 0] + asked["lookup", default: 0] >= 3)
            }
            #expect(requests == 0)
            _ = try await mount.read(file)
            let asked = try await mount.leastKernelRequests { () async throws in _ = try await mount.status(file) }
            #expect(asked == [:])
        }
    }

    @Test func `texts of a version that is listed are in the kernel's pages before anybody reads them`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1d"]) { mount async throws in
            let texts = "find . -name '*.md' -o -name metadata.json | sort | xargs sha256sum"
            let before = try await mount.output(of: texts)
            let asked = try await mount.leastKernelRequests(of: "read") { () async throws in
                try await mount.output(of: "echo 3 > /proc/sys/vm/drop_caches; ls -R | cat")
                #expect(try await mount.output(of: texts) == before)
            }
            #expect(asked == 0)
        }
    }

    @Test func `texts that have left memory are read from the store`() async throws {
        // Twice as much as stays.
        let library = Workspace.generated(prompts: 64, versions: 1, textByteCount: 256 << 10)
        try await MountFixture.with(library) { mount async throws in
            let sums = "sha256sum @load-0/*/v1/content.md"
            let before = try await mount.output(of: sums)
            let requests = try await mount.requestCount { () async throws in
                try await mount.output(of: "echo 1 > /proc/sys/vm/drop_caches")
                #expect(try await mount.output(of: sums) == before)
            }
            #expect(requests == 0)
        }
    }

    @Test func `what one command has seen, another one need not ask for`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1d"]) { mount async throws in
            try await mount.output(of: "tar -c . | cat | wc -c")
            let asked = try await mount.leastKernelRequests { () async throws in
                try await mount.output(of: "grep -r important . | wc -l; ls -lR | cat; find . -size +1 | cat")
            }
            #expect(asked.filter { $0.key != "statfs" } == [:])
        }
    }

    @Test func `after the caches were dropped everything works again, without a request to the API`() async throws {
        try await MountFixture.with(Self.library, options: ["ttl=1d"]) { mount async throws in
            let line = "find . -type f | sort | xargs sha256sum; ls -lR"
            let before = try await mount.output(of: line)
            let requests = try await mount.requestCount { () async throws in
                for _ in 1...3 {
                    try await mount.output(of: "echo 3 > /proc/sys/vm/drop_caches")
                    #expect(try await mount.output(of: line) == before)
                }
            }
            #expect(requests == 0)
        }
    }

    @Test func `neither opening nor closing is a request`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            try await mount.output(of: "cat @load-0/one/v1/content.md; ls @load-0")
            let before = try await mount.kernelRequests()
            try await mount.output(
                of: "for i in 1 2 3 4 5; do cat @load-0/*/v1/content.md; ls -R @load-1; done | wc -c"
            )
            let after = try await mount.kernelRequests()
            for opcode in ["open", "opendir", "flush", "release", "releasedir", "access"] {
                #expect(after[opcode] == before[opcode], "\(opcode)")
            }
        }
    }
}
