import ClaroAPI
import FUSE
import SystemPackage

/// readdir: names with numbers, and attributes wherever they are known without a request. Offsets belong to names, not to
/// positions, so that a directory which changes in the middle of a walk neither repeats nor skips one.
extension ClaroFileSystem {
    package func readDirectory(
        _ inode: InodeNumber,
        from offset: DirectoryOffset,
        into buffer: inout DirectoryBuffer
    ) async throws(Errno) {
        let node = try node(inode)
        switch node {
        case .root:
            if offset == 0 { readahead.list(.root) }
            let listing = try await listing(from: offset)
            noteListed(inode, for: library.remainingListingLifetime, from: offset)
            let namespaces = sorted(listing.namespaces, \.inode, from: offset)
            let shown = namespaces.lazy.filter { $0.prompts.contains { self.library.isIncluded($0.name) } }
            fill(&buffer, inode, from: offset, shown) {
                ($0.inode.offset, child(ofNamespace: $0.name))
            }
        case .namespace(let name):
            if offset == 0 { readahead.list(.namespace(name)) }
            let listing = try await listing(from: offset)
            noteListed(inode, for: library.remainingListingLifetime, from: offset)
            let prompts = listing.namespace(name)?.prompts ?? []
            let shown = sorted(prompts, \.inode, from: offset).lazy.filter { self.library.isIncluded($0.name) }
            fill(&buffer, inode, from: offset, shown) {
                ($0.inode.offset, child(of: $0.name))
            }
        case .prompt(let prompt):
            if offset == 0 { readahead.list(.prompt(prompt)) }
            library.restoreNames(of: prompt)
            let newest = try await newest(of: prompt, from: offset)
            noteListed(inode, for: library.remainingLifetimeOfNewest(of: prompt), from: offset)
            let children = children(of: prompt, newest, from: offset)
            if offset == 0 { giveNumbers(to: children, of: prompt, inode) }
            fill(&buffer, inode, from: offset, children) { $0 }
        case .version(let key):
            readahead.visit(key)
            let body = try await library.body(of: key)
            if !key.isMutable, let lifetime = library.remainingLifetime(of: key) {
                noteListed(inode, for: lifetime, from: offset)
            }
            let children = children(of: body, key)
            // One transaction for the numbers of all.
            if offset == 0 { _ = inodes.numbers(of: children.map { identity(of: $0.1, in: inode) }) }
            fill(&buffer, inode, from: offset, children) { $0 }
            if offset > Self.lastDotOffset { pushTexts(of: body, inode, to: &buffer) }
        case .context(let key):
            let body = try await library.body(of: key)
            fill(&buffer, inode, from: offset, body.context) { ($0.offset, child($0.entry, of: key)) }
        case .control:
            // Its files are made when they are looked up; until then they have a name and no number that lasts.
            for (position, name) in Self.reportNames.enumerated() where DirectoryOffset(position) >= offset {
                let number = inodes.number(of: Identity(name, in: inode))
                guard buffer.append(name, number, .file, next: DirectoryOffset(position + 1)) else { return }
            }
        case .report, .link, .text, .attachment: throw .notDirectory
        }
    }

    /// A walk goes on in the listing that it began in, as far as that is cached: only its first step renews.
    private func listing(from offset: DirectoryOffset) async throws(Errno) -> Listing {
        offset == 0 ? try await library.currentListing() : try await library.knownListing()
    }

    private func newest(of prompt: PromptName, from offset: DirectoryOffset) async throws(Errno) -> Library.Newest {
        if offset > 0, let known = library.knownNewest(of: prompt) { return known }
        do throws(Errno) {
            return try await library.newest(of: prompt)
        } catch {
            // A prompt that has only a draft is no error here.
            guard error == .noSuchFileOrDirectory, library.isDraftListed(prompt) else { throw error }
            return .none
        }
    }

    private func noteListed(_ inode: InodeNumber, for lifetime: Duration, from offset: DirectoryOffset) {
        if offset == 0 { listedDirectories.listed(inode, for: lifetime) }
    }

    // MARK: Children

    private func children(
        of prompt: PromptName,
        _ newest: Library.Newest,
        from offset: DirectoryOffset
    ) -> some Sequence<(DirectoryOffset, Child)> {
        let latestOffset = Self.lastDotOffset + 1
        let draftOffset = latestOffset + 1
        var names: [(DirectoryOffset, Child)] = []
        if let latest = latest(VersionKey(prompt, .latest), newest, "latest") { names.append((latestOffset, latest)) }
        if library.isDraftListed(prompt) {
            names.append((draftOffset, child(of: VersionKey(prompt, .draft), "v0")))
        }
        let number: UInt32 = if case .published(let number) = newest { number } else { 0 }
        let first = library.lock == nil ? 1 : number
        let last = library.lock == nil ? min(number, Library.publishedVersionBound) : number
        let next = max(first, UInt32(clamping: max(1, offset - draftOffset)))
        let hidden = library.hiddenVersions(of: prompt)
        let versions = (next...max(next, last)).lazy.filter { $0 <= last && !hidden.contains($0) }.map { number in
            let key = VersionKey(prompt, .published(number))
            return (draftOffset + DirectoryOffset(number), self.child(of: key, FileName("v\(number)")))
        }
        return [AnySequence(names), AnySequence(versions)].joined()
    }

    private func children(of body: VersionBody, _ key: VersionKey) -> [(DirectoryOffset, Child)] {
        Self.versionNames.enumerated().compactMap { position, name in
            let offset = Self.lastDotOffset + 1 + DirectoryOffset(position)
            if name == Self.contextName { return body.context.isEmpty ? nil : (offset, contextChild(of: key)) }
            return body.file(named: name).map { (offset, child($0, of: key)) }
        }
    }

    /// Those behind `offset` of what is sorted by inode, found without looking at the others.
    private func sorted<Element>(
        _ elements: [Element],
        _ inode: KeyPath<Element, InodeNumber>,
        from offset: DirectoryOffset
    ) -> ArraySlice<Element> {
        var low = elements.startIndex
        var high = elements.endIndex
        while low < high {
            let middle = (low + high) / 2
            if elements[middle][keyPath: inode].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return elements[low...]
    }

    // MARK: Filling

    private func fill<Elements: Sequence>(
        _ buffer: inout DirectoryBuffer,
        _ inode: InodeNumber,
        from offset: DirectoryOffset,
        _ elements: Elements,
        _ child: (Elements.Element) -> (DirectoryOffset, Child)
    ) {
        for (dot, name) in [(Self.dotOffset, "."), (Self.lastDotOffset, "..")] as [(DirectoryOffset, FileName)]
        where dot > offset {
            // The kernel takes no reference to these two, and programs no number from "..".
            guard buffer.append(name, inode, .directory, next: dot) else { return }
        }
        for element in elements {
            let (next, child) = child(element)
            guard next > offset else { continue }
            guard append(child, in: inode, next, to: &buffer) else { return }
        }
    }

    private func append(
        _ child: Child,
        in parent: InodeNumber,
        _ next: DirectoryOffset,
        to buffer: inout DirectoryBuffer
    ) -> Bool {
        let identity = identity(of: child, in: parent)
        guard buffer.takesAttributes, areAttributesKnown(child.node) else {
            return buffer.append(child.name, inodes.number(of: identity), child.node.kind, next: next)
        }
        let inode = inodes.enter(child.node, identity)
        guard buffer.append(child.name, entry(child, inode), next: next) else {
            inodes.forget(inode, lookups: 1)
            return false
        }
        return true
    }

    /// Of so many versions at most an answer tells.
    private static let numberedBound = 256

    /// Gives a prompt's children their numbers, and with them the files of versions that were fetched ahead of who lists
    /// it; the same for the prompts that he gets to next: two transactions instead of one for each directory.
    private func giveNumbers(
        to children: some Sequence<(DirectoryOffset, Child)>,
        of prompt: PromptName,
        _ inode: InodeNumber
    ) {
        var directories = [(inode, children.prefix(Self.numberedBound).map { $0.1 })]
        if !inodes.haveNumbers(identities(in: directories)) {
            var count = directories[0].1.count
            for next in readahead.prompts(behind: prompt) where count < Self.numberedBound {
                library.restoreNames(of: next)
                guard let newest = library.knownNewest(of: next) else { continue }
                let namespace = inodes.number(of: Identity("@" + next.namespace, in: .root))
                let inode = inodes.number(of: Identity(next.slug, in: namespace))
                let children = self.children(of: next, newest, from: 0)
                directories.append((inode, children.prefix(Self.numberedBound).map { $0.1 }))
                count += directories[directories.count - 1].1.count
            }
        }
        let numbers = inodes.numbers(of: identities(in: directories))
        let children = directories.flatMap { $0.1 }
        // Files of versions that have not come are given theirs when they are listed.
        let versions = zip(children, numbers).compactMap { child, number -> (InodeNumber, [Child])? in
            guard case .version(let key) = child.node, let body = library.cachedBody(of: key) else { return nil }
            return (number, self.children(of: body, key).map { $0.1 })
        }
        if !versions.isEmpty { _ = inodes.numbers(of: identities(in: versions)) }
    }

    private func identities(in directories: [(InodeNumber, [Child])]) -> [Identity] {
        directories.flatMap { inode, children in children.map { identity(of: $0, in: inode) } }
    }

    /// Larger texts are rare, and wait until they are read.
    private static let pushedByteBound = 128 << 10

    /// Who lists a version is likely to read it.
    private func pushTexts(of body: VersionBody, _ directory: InodeNumber, to buffer: inout DirectoryBuffer) {
        guard buffer.takesAttributes else { return }
        for file in body.files where file.bytes.count <= Self.pushedByteBound {
            let inode = inodes.number(of: Identity(file.name, in: directory, body: file.digest))
            if inodes.isHeld(inode) { buffer.push(file.bytes, of: inode) }
        }
    }

    private func areAttributesKnown(_ node: Node) -> Bool {
        guard case .attachment(_, let attachment) = node else { return true }
        return !blobs.mustMeasure(attachment.key)
    }
}

extension InodeNumber {
    /// A number is given once and in the order of first sight: what a stable directory offset must be.
    fileprivate var offset: DirectoryOffset { DirectoryOffset(rawValue) }
}
