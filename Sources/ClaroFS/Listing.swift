import ClaroAPI
import FUSE

/// The account's namespaces and prompts, complete, as of one moment.
struct Listing: Sendable {
    struct Prompt: Sendable {
        let name: PromptName
        /// Given in listing order when the name was first seen, so that sorting by it keeps a directory's order while
        /// the listing changes.
        let inode: InodeNumber
        /// The number of the newest published version, if the listing names one.
        let newest: UInt32?
        let isDraftKnown: Bool
        let created: Timestamp?
        /// When this mount saw the listing say something new of it.
        let changed: Timestamp?

        func modified(orElse fallback: Timestamp) -> Timestamp {
            guard let created else { return changed ?? fallback }
            return max(created, changed ?? created)
        }

        fileprivate func tellsTheSame(as other: Prompt) -> Bool {
            newest == other.newest && isDraftKnown == other.isDraftKnown && created == other.created
        }
    }

    struct Namespace: Sendable {
        let name: String
        let inode: InodeNumber
        /// Sorted by inode.
        fileprivate(set) var prompts: [Prompt]
        fileprivate(set) var index: [String: Int] = [:]
        fileprivate(set) var modified: Timestamp
    }

    /// Sorted by inode.
    let namespaces: [Namespace]
    private let index: [String: Int]
    let promptCount: Int
    let pageCount: Int
    let modified: Timestamp

    func namespace(_ name: String) -> Namespace? { index[name].map { namespaces[$0] } }

    func prompt(_ name: PromptName) -> Prompt? {
        guard let namespace = index[name.namespace].map({ namespaces[$0] }) else { return nil }
        return namespace.index[name.slug].map { namespace.prompts[$0] }
    }

    /// Carries on the inodes and times of change of `previous`, the listing before; each name that is new gets its number
    /// from `inodes`.
    init(
        _ answer: PromptListing,
        including include: [IncludePattern],
        previous: Listing?,
        inodes: InodeTable,
        fallbackTime: Timestamp,
        now: Timestamp
    ) {
        var namespaces: [String: Namespace] = [:]
        for summary in answer.prompts where include.isEmpty || include.contains(where: { $0.includes(summary.name) }) {
            let name = summary.name
            if namespaces[name.namespace] == nil {
                let inode = inodes.number(of: Identity("@" + name.namespace, in: .root))
                let old = previous?.namespace(name.namespace)?.modified
                namespaces[name.namespace] = Namespace(
                    name: name.namespace,
                    inode: inode,
                    prompts: [],
                    modified: old ?? Timestamp(seconds: 0)
                )
            }
            let parent = namespaces[name.namespace]?.inode ?? .root
            let old = previous?.prompt(name)
            let fresh = Prompt(
                name: name,
                inode: inodes.number(of: Identity(name.slug, in: parent)),
                newest: summary.version.flatMap { $0 == .draft ? nil : $0.number },
                isDraftKnown: summary.isDraftKnown,
                created: summary.createdAt,
                changed: previous == nil ? nil : now
            )
            let prompt = if let old, old.tellsTheSame(as: fresh) { old } else { fresh }
            namespaces[name.namespace]?.prompts.append(prompt)
        }
        for (name, var namespace) in namespaces {
            namespace.prompts.sort { $0.inode < $1.inode }
            for (position, prompt) in namespace.prompts.enumerated() { namespace.index[prompt.name.slug] = position }
            let old = previous?.namespace(name)
            let hasLost = old?.prompts.contains { namespace.index[$0.name.slug] == nil } ?? false
            let newest = namespace.prompts.map { $0.modified(orElse: fallbackTime) }.max() ?? fallbackTime
            namespace.modified = max(namespace.modified, hasLost ? now : newest)
            namespaces[name] = namespace
        }
        self.namespaces = namespaces.values.sorted { $0.inode < $1.inode }
        index = Dictionary(uniqueKeysWithValues: self.namespaces.enumerated().map { ($1.name, $0) })
        promptCount = self.namespaces.reduce(0) { $0 + $1.prompts.count }
        pageCount = answer.pageCount
        let hasLost = previous?.namespaces.contains { namespaces[$0.name] == nil } ?? false
        modified = hasLost ? now : self.namespaces.map(\.modified).max() ?? previous?.modified ?? fallbackTime
    }

    /// What the kernel must forget when this listing takes the place of `old`.
    func invalidations(replacing old: Listing) -> [Invalidations.Item] {
        var items: [Invalidations.Item] = []
        if namespaces.map(\.inode) != old.namespaces.map(\.inode) { items.append(.contents(.root)) }
        for before in old.namespaces {
            let after = namespace(before.name)
            var hasOtherNames = after?.prompts.count != before.prompts.count
            for prompt in before.prompts {
                if let same = self.prompt(prompt.name) {
                    if !same.tellsTheSame(as: prompt) { items.append(.contents(prompt.inode)) }
                } else {
                    hasOtherNames = true
                    items.append(.entry(FileName(prompt.name.slug), in: before.inode))
                }
            }
            if hasOtherNames { items.append(.contents(before.inode)) }
        }
        return items
    }
}
