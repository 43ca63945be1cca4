import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Programs see in a mount what they see in a plain copy of what the API's objects say.
struct ToolTests {
    static let libraries: [String: Workspace] = [
        "sample": Workspace.sample.withFixedGenerationTimes,
        "generated": Workspace.generated(prompts: 200, versions: 2, namespaces: 3, attachmentByteCount: 5_000)
            .withFixedGenerationTimes,
    ]

    @Test(arguments: Tool.all) func `programs print of a mount what they print of a plain copy`(
        _ tool: Tool
    ) async throws {
        try await MountFixture.with { mount async throws in
            // The mount's turn is first: nothing is fetched yet.
            let output = try await run(tool, in: mount.path, mount.scratch)
            // A name as long as the mount's, which no prompt's begins with.
            let plain = "\(mount.scratch.path)/clone"
            try await mount.output(of: "cp -a . \(plain)")
            let expected = try await run(tool, in: plain, mount.scratch)
            for output in [output, expected] {
                #expect(output.status != Tool.hangingStatus && output.status < 124, "\(tool): \(output.errors)")
            }
            var isRight = false
            switch tool.result {
            case .same:
                #expect(!expected.bytes.isEmpty, "\(expected.errors)")
                isRight = output.bytes == expected.bytes && output.errors == expected.errors
                isRight = isRight && output.status == expected.status
                expectSame(output, expected, "\(tool)")
                #expect(output.errors == expected.errors)
                #expect(output.status == expected.status)
            case .prints(let text, _):
                isRight = output.text == text && expected.text != text
                #expect(output.text == text)
                #expect(expected.text != text, "the result should be `same`")
            }
            try ToolTable.add(tool, isRight: isRight)
        }
    }

    /// What a program comes to in `directory`, with the directory's own name left out.
    private func run(_ tool: Tool, in directory: String, _ scratch: ScratchDirectory) async throws
        -> ChildProcess.Output
    {
        let other = try scratch.makeDirectory("other")
        let output = try await ChildProcess.run(
            ["bash", "-c", Tool.prelude + tool.command],
            directory: directory,
            environment: ["OTHER": other]
        )
        _ = try await ChildProcess.run(["rm", "-rf", "--one-file-system", other])
        let name = directory.dropFirst(scratch.path.count)
        guard output.text.contains(name) else { return output }
        return ChildProcess.Output(
            status: output.status,
            bytes: Array(output.text.replacing(name, with: "/library").utf8),
            errors: output.errors.replacing(name, with: "/library")
        )
    }

    @Test func `the table in Tools is that of the programs that are tested`() throws {
        let page = try String(contentsOf: ToolTable.page, encoding: .utf8)
        let table = page.components(separatedBy: "\n\n").first { $0.hasPrefix("| program ") }
        #expect(table?.trimmingCharacters(in: .newlines) == ToolTable.text, "`scripts/matrix tools` prints it")
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
