import ClaroEmulator
import Foundation
import TestSupport

/// A library as a plain directory: the contract's section 1 and 2 read once more, from what the API holds, with none of
/// the driver's code.
struct ExpectedTree {
    private struct VersionPlace {
        let packageName: String
        let directory: String
    }

    private let emulator: Emulator
    private let root: String

    /// Writes what `emulator` serves under `root`, a directory that does not exist yet.
    static func write(of emulator: Emulator, to root: String) async throws {
        let tree = ExpectedTree(emulator: emulator, root: root)
        let places = try await offPool { try tree.writeFiles() }
        try await tree.writeMetadata(of: places)
        try await offPool { try tree.setModesAndTimes() }
    }

    // MARK: Files

    private func writeFiles() throws -> [VersionPlace] {
        var places: [VersionPlace] = []
        for namespace in emulator.workspace.namespaces {
            for prompt in namespace.prompts {
                let directory = "\(root)/@\(namespace.name)/\(prompt.slug)"
                try makeDirectory(directory)
                for (name, version) in listedVersions(of: prompt) {
                    try write(version, to: "\(directory)/\(name)")
                    let packageName = "@\(namespace.name)/\(prompt.slug):\(name)"
                    places.append(VersionPlace(packageName: packageName, directory: "\(directory)/\(name)"))
                }
                guard let latest = prompt.latest else { continue }
                try FileManager.default.createSymbolicLink(
                    atPath: "\(directory)/latest",
                    withDestinationPath: "v\(latest.number)"
                )
            }
        }
        return places
    }

    /// The published ones; the draft only where the listing knows of nothing else.
    private func listedVersions(of prompt: Workspace.Prompt) -> [(name: String, version: Workspace.Version)] {
        if let draft = prompt.draft, prompt.versions.isEmpty { return [("v0", draft)] }
        return prompt.numberedVersions.map { ("v\($0.number)", $0.version) }
    }

    private func write(_ version: Workspace.Version, to directory: String) throws {
        try makeDirectory(directory)
        try write(Array(version.content.utf8), to: "\(directory)/content.md")
        if let system = version.system, !system.isEmpty { try write(Array(system.utf8), to: "\(directory)/system.md") }
        if let critique = version.critique, !critique.isEmpty {
            try write(Array(critique.utf8), to: "\(directory)/critique.md")
        }
        guard !version.context.isEmpty else { return }
        try makeDirectory("\(directory)/context")
        for item in version.context {
            switch item.kind {
            case .file(let name, _, let attachment):
                try write(try attachment.read(0..<attachment.byteCount), to: "\(directory)/context/\(name)")
            case .url(let address, _):
                let name = item.label ?? URL(string: address)?.host() ?? "unnamed"
                let text = "[InternetShortcut]\nURL=\(address)\n"
                try write(Array(text.utf8), to: "\(directory)/context/\(name).url")
            case .other: break
            }
        }
    }

    /// `metadata.json` is what `jq -S .` prints of the API's object without its texts, `variables.json` the same of
    /// what the official SDK's expression finds in these.
    private func writeMetadata(of places: [VersionPlace]) async throws {
        let program = """
            import json, re, subprocess, sys, urllib.request
            for line in sys.argv[2:]:
                name, directory = line.split(" ", 1)
                request = urllib.request.Request(
                    sys.argv[1] + "/v1/prompts/get",
                    json.dumps({"package_name": name}).encode(),
                    {"Content-Type": "application/json", "Authorization": "Bearer any"},
                )
                with urllib.request.urlopen(request) as answer:
                    body = answer.read()
                with open(directory + "/metadata.json", "wb") as file:
                    texts = "del(.content, .systemPrompt, .critiquePrompt)"
                    subprocess.run(["jq", "-S", texts], input=body, stdout=file, check=True)
                prompt = json.loads(body)
                found = {}
                for text in ["content", "systemPrompt", "critiquePrompt"]:
                    for place in re.finditer(
                        r"\\{\\{([^}:]+)(?::([^}/]+))?(?://([^}]+))?\\}\\}", prompt.get(text) or ""
                    ):
                        parts = [part.strip() if part else None for part in place.groups()]
                        known = dict(zip(["name", "type", "description"], parts))
                        found.setdefault(known["name"], {k: v for k, v in known.items() if v})
                if found:
                    with open(directory + "/variables.json", "w") as file:
                        print(json.dumps(list(found.values()), indent=2, sort_keys=True, ensure_ascii=False), file=file)
            """
        let lines = places.map { "\($0.packageName) \($0.directory)" }
        let output = try await ChildProcess.run(["python3", "-c", program, emulator.url] + lines)
        guard output.status == 0 else { throw MountFixture.MountError(description: output.errors) }
    }

    // MARK: Attributes

    private func setModesAndTimes() throws {
        var newest: Int64 = 0
        for namespace in emulator.workspace.namespaces {
            var newestInNamespace: Int64 = 0
            for prompt in namespace.prompts {
                let directory = "\(root)/@\(namespace.name)/\(prompt.slug)"
                let shown = prompt.latest?.version ?? prompt.draft
                let listed = shown?.createdAt ?? prompt.createdAt
                newestInNamespace = max(newestInNamespace, listed)
                for (name, version) in listedVersions(of: prompt) {
                    try setTimes(of: version, in: "\(directory)/\(name)", prompt, listed: listed)
                }
                if prompt.latest != nil { try setTime(listed, of: "\(directory)/latest") }
                try set(0o555, listed, of: directory)
            }
            try set(0o555, newestInNamespace, of: "\(root)/@\(namespace.name)")
            newest = max(newest, newestInNamespace)
        }
        try set(0o555, newest, of: root)
    }

    private func setTimes(
        of version: Workspace.Version,
        in directory: String,
        _ prompt: Workspace.Prompt,
        listed: Int64
    ) throws {
        let created = version.createdAt ?? prompt.createdAt
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name != "context" {
            try set(0o444, created, of: "\(directory)/\(name)")
        }
        if !version.context.isEmpty {
            let context = "\(directory)/context"
            for name in try FileManager.default.contentsOfDirectory(atPath: context) {
                try set(0o444, created, of: "\(context)/\(name)")
            }
            try set(0o555, listed, of: context)
        }
        try set(0o555, listed, of: directory)
    }

    private func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    private func set(_ mode: mode_t, _ milliseconds: Int64, of path: String) throws {
        try check(chmod(path, mode))
        try setTime(milliseconds, of: path)
    }

    private func setTime(_ milliseconds: Int64, of path: String) throws {
        let time = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
        try check(utimensat(AT_FDCWD, path, [time, time], AT_SYMLINK_NOFOLLOW))
    }
}

extension Workspace {
    /// The library with answers that are the same each time: `generatedAt` is otherwise the moment of the request.
    var withFixedGenerationTimes: Workspace {
        var workspace = self
        for namespace in workspace.namespaces.indices {
            for prompt in workspace.namespaces[namespace].prompts.indices {
                workspace.namespaces[namespace].prompts[prompt].fixGenerationTimes()
            }
        }
        return workspace
    }
}

extension Workspace.Prompt {
    fileprivate mutating func fixGenerationTimes() {
        func fix(_ version: inout Workspace.Version) {
            version.overrides["metadata"] = .object([
                .init("createdAt", .integer(version.createdAt ?? createdAt)),
                .init("generatedAt", .integer(Workspace.epoch)),
            ])
        }
        for index in versions.indices { fix(&versions[index]) }
        if var draft {
            fix(&draft)
            self.draft = draft
        }
    }
}
