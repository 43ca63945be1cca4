import ClaroAPI
import FUSE
import Synchronization

/// Has versions, and attachments for who reads them, fetched before programs that walk through the library ask for them.
final class WalkReadahead: Sendable {
    private let library: Library
    private let blobs: BlobCache
    private let walks: Mutex<Walks>
    private let sortedNames = SortedNames()

    /// Of a cache of `cacheByteCount` bytes it fills a small part: what is evicted before it is read costs twice.
    init(_ library: Library, _ blobs: BlobCache, cacheByteCount: Int64) {
        walks = Mutex(Walks(attachmentByteBound: min(64 << 20, cacheByteCount / 8)))
        self.library = library
        self.blobs = blobs
    }

    /// A program lists a directory above versions, from its beginning.
    func list(_ directory: Descents.Directory) {
        walks.withLock { $0.list(directory, by: Caller.thread, at: .now) }
    }

    /// A program looks into a version's directory, or lists it.
    func visit(_ key: VersionKey) {
        guard let stop = WalkStop(key), walks.withLock({ !$0.isAt(stop) }) else { return }
        let costs = !library.isAtHand(stop, lookingIntoStore: true)
        run { walks, map in
            walks.visit(stop, by: Caller.thread, costs: costs, at: .now, in: map) {
                library.isAtHand($0, lookingIntoStore: false)
            }
        }
        fetchAttachments(at: stop)
    }

    /// A program reads the beginning of an attachment.
    func read(_ attachment: Attachment, of key: VersionKey) {
        guard let stop = WalkStop(key) else { return }
        let costs = !blobs.byteCount(of: attachment.key).isReal
        walks.withLock { $0.read(attachment.key, at: stop, costs: costs) }
        fetchAttachments(at: stop)
    }

    /// Prompts behind `prompt`, in the order of the walk that gets there now, of which versions have come.
    func prompts(behind prompt: PromptName) -> [PromptName] { walks.withLock { $0.prompts(behind: prompt) } }

    /// Changes the walks, and begins what is to be done then.
    private func run(_ change: (inout Walks, LibraryMap) -> [Walks.Job]) {
        for job in jobs(change) {
            Task { await run(job) }
        }
    }

    private func jobs(_ change: (inout Walks, LibraryMap) -> [Walks.Job]) -> [Walks.Job] {
        guard let listing = library.cachedListing else { return [] }
        let map = LibraryMap(library: library, listing: listing, sortedNames: sortedNames)
        return walks.withLock { change(&$0, map) }
    }

    /// Does a job, and then one of those that follow from it; the others are begun.
    private func run(_ first: Walks.Job) async {
        var next: Walks.Job? = first
        while let job = next {
            let outcome: Walks.Outcome =
                switch job.kind {
                case .look: library.isAtHand(job.stop, lookingIntoStore: true) ? .present : .absent
                case .fetch: await library.fetchAhead(job.stop) ? .fetched : .refused
                }
            var following = jobs { walks, map in
                walks.ended(job, outcome, in: map) { library.isAtHand($0, lookingIntoStore: false) }
            }[...]
            // The program may be waiting meanwhile.
            if let stop = walks.withLock({ $0.last(of: job.walk) }) { fetchAttachments(at: stop) }
            next = following.popFirst()
            for job in following {
                Task { await run(job) }
            }
        }
    }
}

extension WalkReadahead {
    /// Fetches those of the versions ahead that have come; the others are looked at again at the next step.
    private func fetchAttachments(at stop: WalkStop) {
        guard let demand = walks.withLock({ $0.attachmentDemand(at: stop) }) else { return }
        var (count, byteCount) = (demand.count, demand.byteCount)
        var done: [WalkStop] = []
        var claimed: [BlobKey] = []
        stops: for stop in demand.stops {
            // The one that the walk is at may be on its way still.
            guard let attachments = attachments(at: stop) else { continue }
            var isComplete = true
            for attachment in attachments where !demand.known.contains(attachment.key) {
                guard let size = attachment.key.claimedByteCount, size <= Blob.wholeByteCount,
                    !blobs.byteCount(of: attachment.key).isReal
                else { continue }
                guard size <= byteCount else {
                    isComplete = false
                    continue
                }
                guard walks.withLock({ $0.claimAttachment(attachment.key, byteCount: size, for: demand.walk) }) else {
                    isComplete = false
                    continue
                }
                claimed.append(attachment.key)
                (count, byteCount) = (count - 1, byteCount - size)
                if count == 0 { break stops }
            }
            if isComplete { done.append(stop) }
        }
        if !done.isEmpty { walks.withLock { $0.hasSeenToAttachments(at: done, for: demand.walk) } }
        // Only now: one that is refused has its stop looked at again.
        for key in claimed {
            Task { await fetch(key, for: demand.walk) }
        }
    }

    private func attachments(at stop: WalkStop) -> [Attachment]? {
        guard let version = stop.version, let body = library.cachedBody(of: VersionKey(stop.prompt, version)) else {
            return nil
        }
        return body.context.compactMap { if case .attachment(let attachment) = $0.entry { attachment } else { nil } }
    }

    private func fetch(_ key: BlobKey, for walk: Int) async {
        guard library.client.reserveAhead() else { return walks.withLock { $0.attachmentRefused(key, for: walk) } }
        // The first answer tells the size; the download goes on.
        _ = try? await blobs.blob(key).byteCount()
    }
}

/// The library as walks see it: what the listing says, and what was learnt beside it.
private struct LibraryMap: WalkMap {
    let library: Library
    let listing: Listing
    let sortedNames: SortedNames

    func prompt(beside prompt: PromptName, in order: WalkOrder) -> PromptName? {
        guard let namespace = listing.namespace(prompt.namespace) else { return nil }
        var next = neighbour(of: prompt, in: namespace, order)
        while let found = next, !library.isIncluded(found) { next = neighbour(of: found, in: namespace, order) }
        return next ?? self.namespace(beside: namespace, in: order).flatMap { first(in: $0, order) }
    }

    func versions(of prompt: PromptName) -> [Version]? { library.listedVersions(of: prompt) }

    func hasAskedForVersions(of prompt: PromptName) -> Bool { listing.prompt(prompt)?.newest == nil }

    private func neighbour(of prompt: PromptName, in namespace: Listing.Namespace, _ order: WalkOrder) -> PromptName? {
        let position: Int?
        switch order.sorting {
        case .listing: position = namespace.index[prompt.slug]
        case .name: position = sortedNames.position(of: prompt.slug, in: namespace)
        }
        guard let position else { return nil }
        return self.prompt(at: order.isBackward ? position - 1 : position + 1, in: namespace, order)
    }

    private func prompt(at position: Int, in namespace: Listing.Namespace, _ order: WalkOrder) -> PromptName? {
        guard namespace.prompts.indices.contains(position) else { return nil }
        switch order.sorting {
        case .listing: return namespace.prompts[position].name
        case .name: return namespace.prompts[sortedNames.index(at: position, in: namespace)].name
        }
    }

    private func first(in namespace: Listing.Namespace, _ order: WalkOrder) -> PromptName? {
        let first = prompt(at: order.isBackward ? namespace.prompts.count - 1 : 0, in: namespace, order)
        guard let first, !library.isIncluded(first) else { return first }
        return neighbour(of: first, in: namespace, order)
    }

    private func namespace(beside namespace: Listing.Namespace, in order: WalkOrder) -> Listing.Namespace? {
        let namespaces =
            switch order.sorting {
            case .listing: listing.namespaces
            case .name: listing.namespaces.sorted { $0.name < $1.name }
            }
        guard let index = namespaces.firstIndex(where: { $0.name == namespace.name }) else { return nil }
        let next = order.isBackward ? index - 1 : index + 1
        return namespaces.indices.contains(next) ? namespaces[next] : nil
    }
}

/// The prompts of each namespace by name, sorted when a walk first needs it.
private final class SortedNames: Sendable {
    private struct Sorted {
        /// What was sorted: another listing of as many prompts may have others, and a walk then ends early.
        let count: Int
        /// Positions in the listing.
        let indices: [Int32]
    }

    private let namespaces = Mutex<[String: Sorted]>([:])

    func index(at position: Int, in namespace: Listing.Namespace) -> Int { Int(indices(of: namespace)[position]) }

    func position(of slug: String, in namespace: Listing.Namespace) -> Int? {
        let indices = indices(of: namespace)
        var low = indices.startIndex
        var high = indices.endIndex
        while low < high {
            let middle = (low + high) / 2
            if namespace.prompts[Int(indices[middle])].name.slug < slug { low = middle + 1 } else { high = middle }
        }
        guard low < indices.count, namespace.prompts[Int(indices[low])].name.slug == slug else { return nil }
        return low
    }

    private func indices(of namespace: Listing.Namespace) -> [Int32] {
        namespaces.withLock { namespaces in
            let prompts = namespace.prompts
            if let known = namespaces[namespace.name], known.count == prompts.count { return known.indices }
            let indices = prompts.indices.map { Int32($0) }.sorted {
                prompts[Int($0)].name.slug < prompts[Int($1)].name.slug
            }
            namespaces[namespace.name] = Sorted(count: prompts.count, indices: indices)
            return indices
        }
    }
}

extension WalkStop {
    /// nil for what no listing leads to.
    fileprivate init?(_ key: VersionKey) {
        guard key.variables.isEmpty, case .version(let version) = key.selector else { return nil }
        self.init(key.prompt, version)
    }
}
