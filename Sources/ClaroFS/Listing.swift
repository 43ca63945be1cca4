import ClaroAPI
import FUSE

/// The account's namespaces and prompts, complete, as of one moment.
struct Listing: Sendable {
    struct Prompt: Equatable, Sendable {
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

    /// What an answer says of each prompt, with its number and, where it says something new, the time of that.
    static func prompts(of answer: PromptListing, previous: Listing?, inodes: InodeTable, now: Timestamp) -> [Prompt] {
        // Numbers are given in the order of the listing, and those of a whole listing at once.
        var seen: Set<String> = []
        let names = answer.prompts.map(\.name.namespace).filter { seen.insert($0).inserted }
        let namespaces = Dictionary(
            uniqueKeysWithValues: zip(names, inodes.numbers(of: names.map { Identity("@" + $0, in: .root) }))
        )
        let identities = answer.prompts.map { Identity($0.name.slug, in: namespaces[$0.name.namespace] ?? .root) }
        return zip(answer.prompts, inodes.numbers(of: identities)).map { summary, inode in
            let fresh = Prompt(
                name: summary.name,
                inode: inode,
                newest: summary.version.flatMap { $0 == .draft ? nil : $0.number },
                isDraftKnown: summary.isDraftKnown,
                created: summary.createdAt,
                changed: previous == nil ? nil : now
            )
            let old = previous?.prompt(summary.name)
            return if let old, old.tellsTheSame(as: fresh) { old } else { fresh }
        }
    }

    /// What has gone from `previous`, the listing before, is a change at the time `now`; `fallbackTime` is for what
    /// Claro gives no time.
    init(
        _ prompts: [Prompt],
        pageCount: Int,
        previous: Listing? = nil,
        inodes: InodeTable,
        fallbackTime: Timestamp,
        now: Timestamp
    ) {
        var namespaces: [Namespace] = []
        var index: [String: Int] = [:]
        for prompt in prompts.sorted(by: { $0.inode < $1.inode }) {
            let name = prompt.name.namespace
            let position = index[name] ?? namespaces.count
            if position == namespaces.count {
                let inode = inodes.number(of: Identity("@" + name, in: .root))
                let modified = previous?.namespace(name)?.modified ?? Timestamp(seconds: 0)
                namespaces.append(Namespace(name: name, inode: inode, prompts: [], modified: modified))
                index[name] = position
            }
            namespaces[position].index[prompt.name.slug] = namespaces[position].prompts.count
            namespaces[position].prompts.append(prompt)
        }
        for position in namespaces.indices {
            let namespace = namespaces[position]
            let old = previous?.namespace(namespace.name)
            let hasLost = old?.prompts.contains { namespace.index[$0.name.slug] == nil } ?? false
            let newest = namespace.prompts.map { $0.modified(orElse: fallbackTime) }.max() ?? fallbackTime
            namespaces[position].modified = max(namespace.modified, hasLost ? now : newest)
        }
        let hasLost = previous?.namespaces.contains { index[$0.name] == nil } ?? false
        modified = hasLost ? now : namespaces.map(\.modified).max() ?? previous?.modified ?? fallbackTime
        self.namespaces = namespaces.sorted { $0.inode < $1.inode }
        self.index = Dictionary(uniqueKeysWithValues: self.namespaces.enumerated().map { ($1.name, $0) })
        promptCount = prompts.count
        self.pageCount = pageCount
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
