import Foundation
import Synchronization

/// A directory served as a library, in the layout that a mounted one shows, so that a copy of one is one again:
///
///     @namespace/prompt/v2/content.md       and beside it system.md, critique.md, metadata.json, context/…
///     @namespace/prompt.md                  a prompt with one version
///
/// `latest`, and names that begin with a dot, are passed over in silence; what else does not fit, with a warning. Only
/// what changed since the last look is read again. Reads files on the calling thread.
package final class LibraryDirectory: Sendable {
    /// A prompt as it was read, and what its files looked like then.
    private struct Reading {
        let fingerprint: [FileStamp]
        let prompt: Workspace.Prompt
    }

    private struct Key: Hashable, Comparable {
        let namespace: String
        let slug: String

        static func < (left: Key, right: Key) -> Bool {
            (left.namespace, left.slug) < (right.namespace, right.slug)
        }
    }

    private struct State {
        var readings: [Key: Reading] = [:]
        var generation = 0
        var warned: Set<String> = []
    }

    /// What a request needs to be true to the disk.
    enum Scope {
        case everything
        case prompt(namespace: String, slug: String)
    }

    private let root: String
    private let warn: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// `warn` gets each warning once, as one line.
    package init(path: String, warn: @escaping @Sendable (String) -> Void = { _ in }) {
        root = path
        self.warn = warn
    }

    /// The library as it is now, with a number that grows with each change; nil when nothing changed.
    func changes(in scope: Scope) -> (generation: Int, workspace: Workspace)? {
        let known = state.withLock { $0.readings }
        let found: [Key: Reading]
        switch scope {
        case .everything: found = readAll(known: known)
        case .prompt(let namespace, let slug):
            let key = Key(namespace: namespace, slug: slug)
            var readings = known
            readings[key] = read(key, known: known[key])
            found = readings
        }
        guard
            found.count != known.count || found.contains(where: { known[$0.key]?.fingerprint != $0.value.fingerprint })
        else { return nil }
        return state.withLock { state in
            state.readings = found
            state.generation += 1
            return (state.generation, Self.workspace(of: found))
        }
    }

    private static func workspace(of readings: [Key: Reading]) -> Workspace {
        var workspace = Workspace()
        for (key, reading) in readings.sorted(by: { $0.key < $1.key }) {
            if workspace.namespaces.last?.name != key.namespace {
                workspace.namespaces.append(Workspace.Namespace(key.namespace))
            }
            workspace.namespaces[workspace.namespaces.count - 1].prompts.append(reading.prompt)
        }
        return workspace
    }

    private func readAll(known: [Key: Reading]) -> [Key: Reading] {
        var readings: [Key: Reading] = [:]
        for entry in names(in: root) {
            guard entry.hasPrefix("@"), PackageReference.isName(entry.dropFirst()), isDirectory("\(root)/\(entry)")
            else {
                warnOnce("\(entry): not a namespace, skipped")
                continue
            }
            for name in names(in: "\(root)/\(entry)") {
                let slug = name.hasSuffix(".md") ? String(name.dropLast(3)) : name
                guard PackageReference.isName(slug[...]) else {
                    warnOnce("\(entry)/\(name): not a prompt's name, skipped")
                    continue
                }
                let key = Key(namespace: String(entry.dropFirst()), slug: slug)
                if readings[key] == nil { readings[key] = read(key, known: known[key]) }
            }
        }
        return readings
    }

    /// The prompt as it is on disk, taken from `known` where no file changed; nil where there is none.
    private func read(_ key: Key, known: Reading?) -> Reading? {
        let directory = "\(root)/@\(key.namespace)/\(key.slug)"
        guard isDirectory(directory) else { return readBare(key, path: directory + ".md", known: known) }
        let versions = names(in: directory).compactMap { name -> VersionDirectory? in
            if name == "latest" { return nil }
            guard let number = VersionDirectory.number(of: name), isDirectory("\(directory)/\(name)") else {
                warnOnce("@\(key.namespace)/\(key.slug)/\(name): not a version, skipped")
                return nil
            }
            return VersionDirectory(path: "\(directory)/\(name)", number: number, key.namespace, key.slug)
        }
        let sorted = versions.sorted { $0.number < $1.number }
        let fingerprint = sorted.flatMap(\.fingerprint)
        if let known, known.fingerprint == fingerprint { return known }

        var prompt = Workspace.Prompt(key.slug)
        for directory in sorted {
            guard let version = directory.read(warn: warnOnce) else { continue }
            if directory.number == 0 { prompt.draft = version } else { prompt.versions.append(version) }
        }
        guard !prompt.versions.isEmpty || prompt.draft != nil else { return nil }
        return Reading(fingerprint: fingerprint, prompt: prompt)
    }

    private func readBare(_ key: Key, path: String, known: Reading?) -> Reading? {
        guard let stamp = FileStamp(path), let content = FileManager.default.contents(atPath: path) else { return nil }
        if let known, known.fingerprint == [stamp] { return known }
        let version = Workspace.Version(String(decoding: content, as: UTF8.self), createdAt: stamp.milliseconds)
        let prompt = Workspace.Prompt(key.slug, createdAt: stamp.milliseconds, versions: [version])
        return Reading(fingerprint: [stamp], prompt: prompt)
    }

    private func names(in directory: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }

    private func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }

    private func warnOnce(_ text: String) {
        if state.withLock({ $0.warned.insert(text).inserted }) { warn(text) }
    }
}

/// What tells whether a file changed, without reading it.
struct FileStamp: Hashable, Sendable {
    let path: String
    let byteCount: Int64
    let inode: UInt64
    let seconds: Int
    let nanoseconds: Int

    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.path = path
        byteCount = Int64(status.st_size)
        inode = UInt64(status.st_ino)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }

    /// When it was last written, in milliseconds since 1970.
    var milliseconds: Int64 { Int64(seconds) * 1_000 + Int64(nanoseconds) / 1_000_000 }
}
