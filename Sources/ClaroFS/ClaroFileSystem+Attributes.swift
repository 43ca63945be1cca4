import ClaroAPI
import FUSE
import SystemPackage

/// getattr: from memory, but for a draft's directory, which is renewed here.
extension ClaroFileSystem {
    package func attributes(of inode: InodeNumber) async throws(Errno) -> (attributes: Attributes, lifetime: Duration) {
        let node = try node(inode)
        library.restoreListing()
        if case .version(let key) = node, key.isMutable { _ = try await library.body(of: key) }
        if case .attachment(_, let attachment) = node { try await measure(attachment) }
        return (attributes(of: node, inode), attributeLifetime(of: node))
    }

    /// What memory knows of a node. An attachment of unknown size must have been measured before.
    func attributes(of node: Node, _ inode: InodeNumber) -> Attributes {
        let modified = modified(node)
        return Attributes(
            inode: inode,
            kind: node.kind,
            permissions: permissions(of: node.kind),
            size: size(of: node),
            modified: (modified.seconds, UInt32(modified.nanoseconds)),
            user: configuration.user,
            group: configuration.group
        )
    }

    /// For how long the kernel may answer `stat` by itself.
    func attributeLifetime(of node: Node) -> Duration {
        switch node {
        // Until there is a listing, times are those of the mount.
        case .root, .namespace, .prompt: library.cachedListing == nil ? .zero : Freshness.forever
        case .version(let key), .context(let key): nameLifetime(ofVersion: key)
        case .attachment(_, let attachment):
            // A size that the API claims is believed until the storage host tells the real one.
            blobs.byteCount(of: attachment.key).isReal ? Freshness.forever : .zero
        default: Freshness.forever
        }
    }

    private func permissions(of kind: Attributes.Kind) -> UInt32 {
        switch kind {
        case .file: 0o444 & ~configuration.umask
        case .directory: 0o555 & ~configuration.umask
        case .symlink: 0o777
        }
    }

    private func size(of node: Node) -> UInt64 {
        switch node {
        case .text(_, let facts, _): UInt64(facts.byteCount)
        case .report(let file): UInt64(file.bytes.count)
        case .attachment(_, let attachment):
            UInt64(clamping: blobs.byteCount(of: attachment.key).byteCount ?? 0)
        case .link(let target, _): UInt64(target.utf8.count)
        case .root, .control, .namespace, .prompt, .version, .context: 0
        }
    }

    private func modified(_ node: Node) -> Timestamp {
        let listing = library.cachedListing
        switch node {
        case .root: return listing?.modified ?? library.mountTime
        case .control: return library.mountTime
        case .text(_, let facts, _): return facts.modified
        case .report(let file): return file.modified
        case .link(_, let modified): return modified
        case .attachment(_, let attachment): return attachment.modified
        case .namespace(let name): return listing?.namespace(name)?.modified ?? library.mountTime
        case .prompt(let name): return modified(ofPrompt: name)
        case .version(let key), .context(let key):
            if key.isMutable, let body = library.cachedBody(of: key) { return body.modified }
            // The same before and after it is fetched, and when other versions come.
            return listing?.prompt(key.prompt)?.created ?? library.knownBody(of: key)?.modified ?? library.mountTime
        }
    }

    /// Of the listing's item, or of the newest change known in it.
    func modified(ofPrompt name: PromptName) -> Timestamp {
        library.cachedListing?.prompt(name)?.modified(orElse: library.mountTime) ?? library.mountTime
    }
}

extension VersionKey {
    /// Whether its texts may change.
    var isMutable: Bool {
        switch selector {
        case .latest, .version(.draft): true
        case .version(.published): false
        }
    }
}
