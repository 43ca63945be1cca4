import Foundation

/// One `vN` of a library directory.
struct VersionDirectory {
    let path: String
    /// 0 is the draft.
    let number: Int
    /// Every regular file in it and in `context/`, by name.
    let fingerprint: [FileStamp]
    private let namespace: String
    private let slug: String

    init(path: String, number: Int, _ namespace: String, _ slug: String) {
        self.path = path
        self.number = number
        self.namespace = namespace
        self.slug = slug
        let stamps = { (directory: String) in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
            return names.sorted().compactMap { FileStamp("\(directory)/\($0)") }
        }
        fingerprint = stamps(path) + stamps(path + "/context")
    }

    /// The number of `v0` or `v[1-9][0-9]{0,8}`.
    static func number(of name: String) -> Int? {
        if name == "v0" { return 0 }
        let digits = name.utf8.dropFirst()
        guard name.first == "v", (1...9).contains(digits.count), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(name.dropFirst())
    }

    /// The version, or nil and a warning where there is no main text.
    func read(warn: (String) -> Void) -> Workspace.Version? {
        let name = "@\(namespace)/\(slug)/v\(number)"
        guard let content = text("content.md") else {
            warn("\(name): no content.md, skipped")
            return nil
        }
        var version = Workspace.Version(
            content,
            number: number,
            system: text("system.md"),
            critique: text("critique.md")
        )
        version.createdAt = fingerprint.first { $0.path == path + "/content.md" }?.milliseconds

        var metadata: JSON?
        if let data = FileManager.default.contents(atPath: path + "/metadata.json") {
            do {
                metadata = try JSON.parse(Array(data))
            } catch {
                warn("\(name)/metadata.json: \(error), ignored")
            }
        }
        if let metadata, case .object = metadata { version.overrides = overrides(from: metadata) }
        version.context = context(metadata?["context"]?.elements ?? [], warn: warn)
        if version.context.isEmpty, metadata != nil {
            let isList = metadata?["context"].map { if case .array = $0 { true } else { false } } ?? false
            version.overrides["context"] = isList ? .some([]) : .some(metadata?["context"])
        }
        return version
    }

    /// nil where there is none or it is empty, which the API calls none as well.
    private func text(_ name: String) -> String? {
        guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else { return nil }
        if data.isEmpty, name != "content.md" { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    /// Everything that the file says, and the removal of what it leaves out. The names of directories win over the
    /// names in the file, so that a renamed or renumbered copy is what it is called.
    private func overrides(from metadata: JSON) -> [String: JSON?] {
        var overrides: [String: JSON?] = [:]
        for name in ["id", "title", "description", "category", "tags", "is_draft"] {
            overrides.updateValue(nil, forKey: name)
        }
        let texts: Set = ["content", "systemPrompt", "critiquePrompt", "versionContent", "context"]
        for member in metadata.members where !texts.contains(member.name) {
            overrides.updateValue(member.value, forKey: member.name)
        }
        overrides.updateValue(
            metadata["metadata"].map { $0.overridden(by: ["generatedAt": .none]) },
            forKey: "metadata"
        )
        if metadata["workspaceSlug"]?.string.map({ $0 != namespace }) ?? true { overrides["workspaceSlug"] = nil }
        if metadata["version"]?.string.map({ $0 != "v\(number)" }) ?? true { overrides["version"] = nil }
        let packageNames = [slug, "@\(namespace)/\(slug)", "@\(namespace)/\(slug):v\(number)"]
        if metadata["packageName"]?.string.map({ !packageNames.contains($0) }) ?? true {
            overrides["packageName"] = nil
        }
        return overrides
    }

    /// The items of `metadata.json` that are still there, then files that it does not know.
    private func context(_ elements: [JSON], warn: (String) -> Void) -> [Workspace.ContextItem] {
        let directory = path + "/context/"
        var stamps: [String: FileStamp] = [:]
        for stamp in fingerprint where stamp.path.hasPrefix(directory) {
            stamps[String(stamp.path.dropFirst(directory.count))] = stamp
        }
        var items: [Workspace.ContextItem] = []
        var names = AttachmentNames()
        for element in elements {
            guard let name = names.name(of: element) else {
                items.append(.other(element))
                continue
            }
            guard let stamp = stamps.removeValue(forKey: name) else {
                warn("@\(namespace)/\(slug)/v\(number): context/\(name) is missing, left out")
                continue
            }
            items.append(item(named: name, stamp, as: element))
        }
        for (name, stamp) in stamps.sorted(by: { $0.key < $1.key }) where !name.hasPrefix(".") {
            items.append(item(named: name, stamp, as: nil))
        }
        return items
    }

    private func item(named name: String, _ stamp: FileStamp, as element: JSON?) -> Workspace.ContextItem {
        var item: Workspace.ContextItem
        if let address = shortcut(stamp.path, element) {
            item = .url(address, label: String(name.dropLast(4)), fetchedAt: nil, createdAt: stamp.milliseconds)
        } else {
            let contents = Workspace.Attachment.contents(ofFile: stamp.path, byteCount: stamp.byteCount)
            item = .file(name, contents, createdAt: stamp.milliseconds)
        }
        guard let element else { return item }
        item.id = element["id"]?.string
        for name in ["id", "label", "createdAt", "fileName", "mimeType", "fileSize"] {
            item.overrides.updateValue(nil, forKey: name)
        }
        for member in element.members { item.overrides.updateValue(member.value, forKey: member.name) }
        switch item.kind {
        case .file: if element["fileSize"] != nil { item.overrides["fileSize"] = .some(.integer(stamp.byteCount)) }
        case .url(let address, _): item.overrides["url"] = .some(.string(address))
        case .other: break
        }
        return item
    }

    /// The address in an Internet Shortcut; the element's own where the file still says the same.
    private func shortcut(_ path: String, _ element: JSON?) -> String? {
        let original = element?["url"]?.string
        if original != nil, path.hasSuffix(".txt") { return original }
        guard path.hasSuffix(".url"), let data = FileManager.default.contents(atPath: path) else { return nil }
        let line = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).first {
            $0.hasPrefix("URL=")
        }
        guard let address = line?.dropFirst(4) else { return nil }
        let written = original.map { $0.filter { !$0.isNewline } }
        return written == String(address) ? original : String(address)
    }
}
