import ClaroAPI
import FUSE
import SystemPackage

/// lookup: names that no rule allows are answered at once; for the others, what a directory knows.
extension ClaroFileSystem {
    /// Something that is in a directory, before the kernel is told of it.
    struct Child: Sendable {
        let name: FileName
        let node: Node
        /// What tells apart the bodies that come under this name; nil where there is only one ever.
        var body: Digest?
        /// For how long the kernel may resolve the name by itself.
        var lifetime = Freshness.forever
    }

    package func lookup(_ name: FileName, in parent: InodeNumber) async throws(Errno) -> Entry {
        let node = try node(parent)
        switch node {
        case .root: return enter(childOfRoot(name), in: parent)
        case .control: return enterReport(name)
        case .namespace(let namespace): return try await lookup(name, inNamespace: namespace, parent)
        case .prompt(let prompt): return try await lookup(name, inPrompt: prompt, parent)
        case .version(let key): return try await lookup(name, inVersion: key, parent)
        case .context(let key):
            let body = try await library.body(of: key)
            let child = body.contextEntry(named: name).map { self.child($0, of: key) }
            if case .attachment(_, let attachment)? = child?.node { try await measure(attachment) }
            return enter(child, in: parent, absentFor: nameLifetime(in: key))
        case .report, .link, .text, .attachment: throw .notDirectory
        }
    }

    /// Counts a lookup of `child` and describes it; nil is a negative entry.
    func enter(_ child: Child?, in parent: InodeNumber, absentFor lifetime: Duration = Freshness.forever) -> Entry {
        guard let child else { return .missing(for: lifetime) }
        let inode = inodes.enter(child.node, identity(of: child, in: parent))
        return entry(child, inode)
    }

    func entry(_ child: Child, _ inode: InodeNumber) -> Entry {
        Entry(
            attributes(of: child.node, inode),
            attributeLifetime: attributeLifetime(of: child.node),
            entryLifetime: child.lifetime
        )
    }

    func identity(of child: Child, in parent: InodeNumber) -> Identity {
        Identity(child.name, in: parent, body: child.body)
    }

    /// An attachment's size must be true when it is first shown; one that the API does not tell is asked for.
    func measure(_ attachment: Attachment) async throws(Errno) {
        guard blobs.mustMeasure(attachment.key) else { return }
        do throws(Errno) {
            _ = try await blobs.blob(attachment.key).byteCount()
        } catch {
            // Nobody has got bytes of it, so what the API claims may stand.
            guard attachment.key.claimedByteCount != nil, error != .interrupted else { throw error }
        }
    }

    // MARK: Root

    private func childOfRoot(_ name: FileName) -> Child? {
        if name == Self.controlName { return Child(name: name, node: .control) }
        guard let text = name.text, text.first == "@", PromptName.fitsGrammar(text.dropFirst()) else { return nil }
        let namespace = String(text.dropFirst())
        let include = configuration.include
        guard include.isEmpty || include.contains(where: { $0.namespace == namespace }) else { return nil }
        return child(ofNamespace: namespace)
    }

    func child(ofNamespace namespace: String) -> Child {
        Child(name: FileName("@" + namespace), node: .namespace(namespace))
    }

    // MARK: Namespaces

    private func lookup(
        _ name: FileName,
        inNamespace namespace: String,
        _ parent: InodeNumber
    ) async throws(Errno) -> Entry {
        guard let text = name.text else { return .missing(for: Freshness.forever) }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let prompt = PromptName(namespace: namespace, slug: parts[0]) else {
            return .missing(for: Freshness.forever)
        }
        let path = parts.count == 2 ? VersionPath(String(parts[1])) : nil
        guard parts.count == 1 || path != nil else { return .missing(for: Freshness.forever) }
        guard try await library.exists(prompt) else {
            return .missing(for: library.remainingAbsence(of: VersionKey(prompt, .latest)))
        }
        guard parts.count == 2 else { return enter(child(of: prompt), in: parent) }
        let link = Node.link(target: "\(prompt.slug)/\(parts[1])", modified: modified(ofPrompt: prompt))
        return enter(Child(name: name, node: link), in: parent)
    }

    func child(of prompt: PromptName) -> Child { Child(name: FileName(prompt.slug), node: .prompt(prompt)) }

    // MARK: Prompts

    private func lookup(
        _ name: FileName,
        inPrompt prompt: PromptName,
        _ parent: InodeNumber
    ) async throws(Errno) -> Entry {
        guard let path = name.text.flatMap({ VersionPath($0) }) else { return .missing(for: Freshness.forever) }
        let key = VersionKey(prompt, path.selector, variables: path.variables)
        guard library.lock?.allows(key) ?? true else { return .missing(for: Freshness.forever) }
        switch path.selector {
        case .latest:
            let newest = try await library.newest(of: prompt)
            return enter(latest(key, newest, name), in: parent, absentFor: library.remainingAbsence(of: key))
        case .version(let version):
            guard try await exists(key, version) else { return .missing(for: absenceLifetime(of: key, version)) }
            return enter(child(of: key, name), in: parent)
        }
    }

    /// For how long the kernel may believe that a version is not there. Of one above the newest it may not: `latest` leads
    /// there as soon as it is published, which may be before the kernel has forgotten.
    private func absenceLifetime(of key: VersionKey, _ version: Version) -> Duration {
        guard case .published(let newest)? = library.knownNewest(of: key.prompt), version.number <= newest else {
            return version == .draft ? library.remainingAbsence(of: key) : .zero
        }
        return library.remainingAbsence(of: key)
    }

    /// Up to the newest number versions are there without asking; one that was 404 before is asked for again.
    private func exists(_ key: VersionKey, _ version: Version) async throws(Errno) -> Bool {
        library.restoreNames(of: key.prompt)
        if case .published(let newest)? = library.knownNewest(of: key.prompt), version != .draft,
            version.number <= newest, !library.isHidden(VersionKey(key.prompt, version))
        {
            return true
        }
        do throws(Errno) {
            _ = try await library.body(of: key)
            return true
        } catch {
            guard error == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    /// `latest`: a symlink to the number, with the same variables; a directory where the API does not tell the number.
    func latest(_ key: VersionKey, _ newest: Library.Newest, _ name: FileName) -> Child? {
        switch newest {
        case .none: return nil
        case .opaque: return child(of: key, name)
        case .published(let number):
            let variables = name.bytes.drop { $0 != UInt8(ascii: ",") }
            let target = "v\(number)" + String(decoding: variables, as: UTF8.self)
            return Child(
                name: name,
                node: .link(target: target, modified: modified(ofPrompt: key.prompt)),
                body: Digest.of(target),
                lifetime: library.remainingLifetimeOfNewest(of: key.prompt)
            )
        }
    }

    func child(of key: VersionKey, _ name: FileName) -> Child {
        Child(name: name, node: .version(key), lifetime: nameLifetime(ofVersion: key))
    }

    /// For how long the kernel may resolve a version's name: a draft is looked up again when its time is over.
    func nameLifetime(ofVersion key: VersionKey) -> Duration {
        guard key.isMutable else { return Freshness.forever }
        // One that was never fetched counts as just seen in the listing; the first look inside fetches it.
        let lifetime = configuration.freshness.lifetime(of: key.selector) ?? .zero
        return library.cachedBody(of: key) == nil ? lifetime : library.remainingLifetime(of: key) ?? lifetime
    }

    // MARK: Versions

    private func lookup(
        _ name: FileName,
        inVersion key: VersionKey,
        _ parent: InodeNumber
    ) async throws(Errno) -> Entry {
        guard Self.versionNames.contains(name) else { return .missing(for: Freshness.forever) }
        readahead.visit(key)
        let body = try await library.body(of: key)
        if name == Self.contextName {
            let child = body.context.isEmpty ? nil : contextChild(of: key)
            return enter(child, in: parent, absentFor: nameLifetime(in: key))
        }
        let child = body.file(named: name).map { self.child($0, of: key) }
        return enter(child, in: parent, absentFor: nameLifetime(in: key))
    }

    /// What can be in a version's directory, in its order.
    static let versionNames: [FileName] = [
        "content.md", "system.md", "critique.md", "metadata.json", "variables.json", contextName,
    ]
    static let contextName: FileName = "context"

    func contextChild(of key: VersionKey) -> Child {
        Child(name: Self.contextName, node: .context(key), lifetime: nameLifetime(in: key))
    }

    func child(_ file: TextFile, of key: VersionKey) -> Child {
        let isMetadata = file.name == "metadata.json"
        let lifetime = isMetadata || key.isMutable ? nameLifetime(in: key) : Freshness.forever
        let node = node(file, of: key, canChange: isMetadata)
        return Child(name: file.name, node: node, body: file.digest, lifetime: lifetime)
    }

    /// What the store has need not be held, but for what the store may have otherwise while somebody has it open.
    private func node(_ file: TextFile, of key: VersionKey, canChange: Bool) -> Node {
        let isRenewed = canChange && configuration.freshness.lifetime(of: key.selector) != nil
        return .text(key, file.facts, library.isEvictable(key) && !isRenewed ? nil : file)
    }

    func child(_ entry: VersionBody.ContextEntry, of key: VersionKey) -> Child {
        switch entry {
        case .text(let file):
            Child(
                name: file.name,
                node: node(file, of: key, canChange: true),
                body: file.digest,
                lifetime: nameLifetime(in: key)
            )
        case .attachment(let attachment):
            Child(
                name: attachment.name,
                node: .attachment(key, attachment),
                body: attachment.key.digest,
                lifetime: nameLifetime(in: key)
            )
        }
    }

    /// For how long the kernel may resolve names that can change inside a version.
    func nameLifetime(in key: VersionKey) -> Duration { library.remainingLifetime(of: key) ?? Freshness.forever }
}
