import ClaroEmulator
import TestSupport
import Testing

/// Programs see in a mount what they see in a plain copy of what the API's objects say.
struct ToolTests {
    static let libraries: [String: Workspace] = [
        "sample": Workspace.sample.withFixedGenerationTimes,
        "generated": Workspace.generated(prompts: 200, versions: 2, namespaces: 3, attachmentByteCount: 5_000)
            .withFixedGenerationTimes,
    ]

    /// Lines of bash that print the same in both.
    private static let commands = [
        "cat": "find . -type f -print0 | sort -z | xargs -0 cat | sha256sum",
        "cat through latest": "cat $(ls -d @*/*/latest/content.md) | sha256sum",
        "grep -r": "grep -rn the . | sort",
        "grep -rc": "grep -rc '' . | sort",
        // Neither the blocks nor the link counts and sizes of directories are those of another filesystem.
        "ls -lR": """
        ls -lR --time-style=full-iso | awk '$1 == "total" {next} {$2 = ""; if (/^d/) $5 = ""; print}'
        """,
        "find": "find . ! -type d -printf '%P %y %m %n %U %G %s %T@ %l\\n' | sort",
        "find -type d": "find . -type d -printf '%P %m %U %G %T@\\n' | sort",
        "find -newer": "find . -newer $(find . -name content.md | sort | head -n 1) | sort",
        "du --apparent-size": "find . -type f -print0 | du -cb --files0-from=- | sort",
        "tar": "tar --sort=name --numeric-owner -cf - . | sha256sum",
        "sha256sum": "find . -type f -print0 | sort -z | xargs -0 sha256sum",
        "wc": "find . -name '*.md' -print0 | sort -z | xargs -0 wc",
        "head and tail": "head -c 100 -q @*/*/latest/*.md; tail -c 100 -q @*/*/latest/*.md",
        "vim -es": """
        for file in $(ls @*/*/*/content.md | head -n 8); do vim -es -u NONE -i NONE -n "$file" +%print +qa!; done
        """,
        "rg": "rg -uu --no-config --sort path -n the .",
        "rg --mmap": "rg -uu --no-config --sort path --mmap -n the .",
        "rg --no-mmap": "rg -uu --no-config --sort path --no-mmap -n the .",
        "jq": "find . -name metadata.json -print0 | sort -z | xargs -0 jq -c '[.id, .title, .version, .context]'",
        "jq -S is what is written": """
        for file in $(find . -name metadata.json); do jq -S . "$file" | cmp - "$file" || echo "$file"; done
        """,
        "python scandir": """
        python3 -c '
        import os
        def walk(path):
            for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
                status = entry.stat(follow_symlinks=False)
                size = 0 if entry.is_dir(follow_symlinks=False) else status.st_size
                print(entry.path, oct(status.st_mode), size, status.st_mtime_ns)
                if entry.is_dir(follow_symlinks=False): walk(entry.path)
        walk(".")'
        """,
        "python mmap": """
        python3 -c '
        import hashlib, mmap, os
        for path, _, names in sorted(os.walk(".")):
            for name in sorted(names):
                file = os.path.join(path, name)
                if os.path.getsize(file) == 0: continue
                with open(file, "rb") as handle:
                    with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as memory:
                        print(file, hashlib.sha256(memory).hexdigest(), memory[-1])'
        """,
    ]

    @Test(arguments: libraries.keys.sorted())
    func `programs print of a mount what they print of a plain copy`(library: String) async throws {
        try await MountFixture.with(Self.libraries[library] ?? [:]) { mount async throws in
            let plain = "\(mount.scratch.path)/plain"
            try await ExpectedTree.write(of: mount.emulator, to: plain)
            for (name, command) in Self.commands.sorted(by: { $0.key < $1.key }) {
                let expected = try await ChildProcess.run(["bash", "-c", command], directory: plain)
                let output = try await mount.bash(command)
                #expect(expected.status == 0, "\(name): \(expected.errors)")
                #expect(!expected.bytes.isEmpty || name.hasPrefix("jq -S") || name == "find -newer", "\(name)")
                #expect(output.status == expected.status, "\(name): \(output.errors)")
                #expect(output.errors == expected.errors, "\(name)")
                expectSame(output, expected, name)
            }
        }
    }

    @Test(arguments: libraries.keys.sorted())
    func `programs that compare find no difference to a plain copy`(library: String) async throws {
        try await MountFixture.with(Self.libraries[library] ?? [:]) { mount async throws in
            let plain = "\(mount.scratch.path)/plain"
            try await ExpectedTree.write(of: mount.emulator, to: plain)
            for command in [
                "diff -r --no-dereference . \(plain)",
                "diff -r . \(plain)",
                "git --no-pager diff --no-index \(mount.path) \(plain)",
                "rsync -ain --delete --checksum ./ \(plain)/",
                "rsync -ain --delete \(plain)/ ./",
                "tar --sort=name -cf - . | tar -C \(plain) --compare -f -",
            ] {
                let output = try await mount.bash(command)
                #expect(output.status == 0, "\(command): \(output.errors)")
                #expect(output.text == "", "\(command)")
                #expect(output.errors == "", "\(command)")
            }
        }
    }

    @Test(arguments: [
        "cp -a": "cp -a . %",
        "rsync -a": "rsync -a ./ %/",
        "tar": "mkdir %; tar -cf - . | tar -C % -xpf -",
        "shutil.copytree": "python3 -c 'import shutil, sys; shutil.copytree(\".\", sys.argv[1], symlinks=True)' %",
    ])
    func `a copy is the plain copy`(tool: String, command: String) async throws {
        try await MountFixture.with(.sample.withFixedGenerationTimes) { mount async throws in
            let plain = "\(mount.scratch.path)/plain"
            let copy = "\(mount.scratch.path)/copy"
            try await ExpectedTree.write(of: mount.emulator, to: plain)
            try await mount.output(of: command.replacing("%", with: copy))
            let difference = try await ChildProcess.run(["diff", "-r", "--no-dereference", plain, copy])
            #expect(difference.status == 0)
            #expect(difference.text == "")
            let list = "find . -printf '%P %y %m %T@ %l\\n' | sort"
            let expected = try await ChildProcess.run(["bash", "-c", list], directory: plain)
            expectSame(try await ChildProcess.run(["bash", "-c", list], directory: copy), expected, tool)
        }
    }

    @Test func `a second rsync copies nothing`() async throws {
        try await MountFixture.with(.generated(prompts: 100, versions: 2, attachmentByteCount: 5_000)) {
            mount async throws in
            let copy = "\(mount.scratch.path)/copy"
            let first = try await mount.output(of: "rsync -ai ./ \(copy)/")
            let copied = first.split(separator: "\n").filter { $0.hasPrefix(">f") }
            // Two versions of each have a text, metadata, variables and an attachment, of every third a system text, of
            // every fifth a critique text.
            let fileCount: Int = 2 * (100 * 4 + 34 + 20)
            #expect(copied.count == fileCount)
            let requestCount = mount.emulator.requests.total
            #expect(try await mount.output(of: "rsync -ai ./ \(copy)/") == "")
            #expect(try await mount.output(of: "rsync -ai --checksum ./ \(copy)/") == "")
            #expect(mount.emulator.requests.total == requestCount)
        }
    }

    @Test(arguments: libraries.keys.sorted())
    func `a copy of a mounted library is a library again`(library: String) async throws {
        try await MountFixture.with(Self.libraries[library] ?? [:]) { mount async throws in
            let copy = "\(mount.scratch.path)/copy"
            try await mount.output(of: "cp -a . \(copy)")
            let emulator = try await Emulator.start(LibraryDirectory(path: copy))
            do {
                try await MountFixture.with(serving: emulator) { again async throws in
                    let difference = "diff -r --no-dereference --exclude metadata.json \(copy) ."
                    #expect(try await again.output(of: difference) == "")
                    let list = "find . ! -type d -printf '%P %y %m %s %T@ %l\\n' | sort"
                    expectSame(try await again.bash(list), try await mount.bash(list), "find")
                    // `generatedAt` is when the API made its answer, and so the only thing that is new.
                    let metadata = """
                        find . -name metadata.json -print0 | sort -z | xargs -0 jq 'del(.metadata.generatedAt)'
                        """
                    expectSame(try await again.bash(metadata), try await mount.bash(metadata), "jq")
                }
            } catch {
                await emulator.stop()
                throw error
            }
            await emulator.stop()
        }
    }

    /// Tells the first line that differs, not all of them.
    private func expectSame(
        _ output: ChildProcess.Output,
        _ expected: ChildProcess.Output,
        _ name: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard output.bytes != expected.bytes else { return }
        let pairs = zip(output.lines, expected.lines)
        let difference = pairs.first { $0 != $1 }.map { "\($0) instead of \($1)" }
        let counts = "\(output.lines.count) lines, expected \(expected.lines.count)"
        Issue.record("\(name): \(difference ?? counts)", sourceLocation: sourceLocation)
    }
}
