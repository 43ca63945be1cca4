import Foundation

/// Builds the API's objects from the workspace, in the shapes that the configuration asks for.
struct PromptObject {
    let configuration: Emulator.Configuration
    let namespace: String
    let prompt: Workspace.Prompt

    /// The answer of "get prompt". `number` 0 is the draft; `asked` is the version's word in the request.
    func whole(
        _ version: Workspace.Version,
        number: Int,
        askedForLatest: Bool,
        variables: [String: String]
    ) -> JSON {
        let content = Placeholders.fill(version.content, with: variables)
        let system = version.system.map { Placeholders.fill($0, with: variables) }
        let critique = version.critique.map { Placeholders.fill($0, with: variables) }
        let texts: [JSON.Member] = [
            .init("content", .string(content)),
            .init("systemPrompt", .optional(system)),
            .init("critiquePrompt", .optional(critique)),
        ]
        var members: [JSON.Member] = [.init("id", .string(prompt.resolvedID(in: namespace)))]
        members.append(.init("title", .string(prompt.title)))
        members += texts
        members.append(.init("description", .optional(prompt.description)))
        members += named(number: number, isLatestLiteral: askedForLatest && configuration.latestVersion == .literal)
        if configuration.sendsVersionContent { members.append(.init("versionContent", .object(texts))) }
        if number == 0 { members.append(.init("is_draft", true)) }
        let createdAt = version.createdAt ?? prompt.createdAt
        if let context = context(of: version, createdAt: createdAt) { members.append(.init("context", context)) }
        let metadata: [JSON.Member] = [
            .init("createdAt", timestamp(createdAt)),
            .init("generatedAt", timestamp(Int64(Date().timeIntervalSince1970 * 1_000))),
        ]
        members.append(.init("metadata", .object(metadata)))
        return JSON.object(members).overridden(by: version.overrides).withGeneratedAt(metadata[1])
    }

    /// The listing's item for version `number` (0: the draft).
    func summary(number: Int, version: Workspace.Version) -> JSON {
        let object: JSON
        if configuration.listingDepth == .full {
            object = whole(version, number: number, askedForLatest: false, variables: [:])
        } else {
            var members: [JSON.Member] = [
                .init("id", .string(prompt.resolvedID(in: namespace))),
                .init("title", .string(prompt.title)),
            ]
            members += named(number: number, isLatestLiteral: false)
            let createdAt = timestamp(version.createdAt ?? prompt.createdAt)
            members.append(.init("metadata", .object([.init("createdAt", createdAt)])))
            let kept = ["id", "title", "category", "tags", "version", "workspaceSlug", "packageName", "metadata"]
            object =
                JSON.object(members)
                .overridden(by: version.overrides.filter { kept.contains($0.key) })
                .withoutGeneratedAt
        }
        let isVersionLeftOut = configuration.listingVersion == .absent
        return object.overridden(by: isVersionLeftOut ? ["version": .none] : [:]).overridden(
            by: prompt.listingOverrides
        )
    }

    /// The members that classify and name a prompt, alike in both kinds of object.
    private func named(number: Int, isLatestLiteral: Bool) -> [JSON.Member] {
        let version = isLatestLiteral ? "latest" : "v\(number)"
        let fullName = "@\(namespace)/\(prompt.slug):v\(number)"
        var members: [JSON.Member] = [
            .init("category", .optional(prompt.category)),
            .init("tags", .array(prompt.tags.map(JSON.string))),
        ]
        switch configuration.versionType {
        case .string: members.append(.init("version", .string(version)))
        case .number: members.append(.init("version", .integer(Int64(number))))
        case .digits: members.append(.init("version", .string(String(number))))
        case .absent: break
        }
        members.append(.init("workspaceSlug", .string(namespace)))
        let name = configuration.packageName == .full ? fullName : prompt.slug
        members.append(.init("packageName", .string(name)))
        return members
    }

    private func context(of version: Workspace.Version, createdAt: Int64) -> JSON? {
        guard version.context.isEmpty else {
            return .array(version.context.map { item($0, createdAt: createdAt) })
        }
        switch configuration.emptyContext {
        case .array: return .array([])
        case .null: return .null
        case .absent: return nil
        }
    }

    private func item(_ item: Workspace.ContextItem, createdAt: Int64) -> JSON {
        var members: [JSON.Member] = [.init("id", .string(item.resolvedID(in: namespace, prompt.slug)))]
        switch item.kind {
        case .other(let object): return object.overridden(by: item.overrides)
        case .file(let name, let mimeType, let attachment):
            members.append(.init("type", "file"))
            if let label = item.label { members.append(.init("label", .string(label))) }
            members.append(.init("fileName", .string(name)))
            switch configuration.fileSize {
            case .true: members.append(.init("fileSize", .integer(attachment.byteCount)))
            case .absent: break
            case .fixed(let size): members.append(.init("fileSize", .integer(size)))
            case .off(let difference): members.append(.init("fileSize", .integer(attachment.byteCount + difference)))
            }
            members.append(.init("mimeType", .string(mimeType)))
        case .url(let address, let fetchedAt):
            members.append(.init("type", "url"))
            if let label = item.label { members.append(.init("label", .string(label))) }
            members.append(.init("url", .string(address)))
            if let fetchedAt { members.append(.init("urlFetchedAt", timestamp(fetchedAt))) }
        }
        members.append(.init("createdAt", timestamp(item.createdAt ?? createdAt)))
        return JSON.object(members).overridden(by: item.overrides)
    }

    private func timestamp(_ milliseconds: Int64) -> JSON {
        .integer(configuration.timestamps == .seconds ? milliseconds / 1_000 : milliseconds)
    }
}

extension JSON {
    /// The object without `metadata.generatedAt`.
    fileprivate var withoutGeneratedAt: JSON {
        guard let metadata = self["metadata"], metadata["generatedAt"] != nil else { return self }
        return overridden(by: ["metadata": metadata.overridden(by: ["generatedAt": .none])])
    }

    /// The object with this moment's `generatedAt`, unless its `metadata` is overridden by something else than an object.
    fileprivate func withGeneratedAt(_ member: Member) -> JSON {
        guard let metadata = self["metadata"], case .object = metadata, metadata[member.name] == nil else {
            return self
        }
        return overridden(by: ["metadata": metadata.overridden(by: [member.name: member.value])])
    }
}

/// `{{name}}`, `{{name:type}}`, `{{name:type // description}}` in a text.
enum Placeholders {
    /// Fills in the names that `variables` has, in one pass; the others stay as they are.
    static func fill(_ text: String, with variables: [String: String]) -> String {
        guard !variables.isEmpty else { return text }
        return text.replacing(/\{\{([^{}]*)\}\}/) { match in
            let name = match.1.prefix { $0 != ":" }.trimmingCharacters(in: .whitespaces)
            return variables[name] ?? String(match.0)
        }
    }
}
