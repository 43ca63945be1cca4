import ClaroAPI

/// The walks that programs are on, and what to have ready ahead of each. It knows no clock, lock or request.
///
/// Three versions in a row, in an order that programs use, are a walk; so is the first one, where the same thread has just
/// listed the directories above it (`Descents`). From then on what comes next is looked for in the store and, where it is not
/// there, fetched. However a walk ends, it has spent at most twice the requests that it has used: the window doubles with
/// each step.
struct Walks {
    /// Something to do for a walk; `Walks` is told how it ended.
    struct Job: Sendable, Equatable {
        enum Kind { case look, fetch }

        let walk: Int
        let kind: Kind
        let stop: WalkStop
    }

    enum Outcome: Sendable {
        /// It is in memory now, and cost nothing.
        case present
        /// It is not in the store.
        case absent
        /// It is there for a request, or it turned out not to exist.
        case fetched
        /// Nothing was sent: the budget is for others, or the API is out of reach.
        case refused
    }

    /// Of attachments that were fetched ahead of one walk, and not read so far.
    let attachmentByteBound: Int64
    private var walks: [Walk] = []
    private var descents = Descents()
    private var nextID = 0

    /// The oldest makes room.
    private static let walkBound = 8

    init(attachmentByteBound: Int64 = 64 << 20) { self.attachmentByteBound = attachmentByteBound }

    /// Whether a program is at `stop` already.
    func isAt(_ stop: WalkStop) -> Bool { walks.contains { $0.last == stop } }

    /// A program lists a directory above versions, from its beginning.
    mutating func list(_ directory: Descents.Directory, by thread: Int32, at now: ContinuousClock.Instant) {
        descents.list(directory, by: thread, at: now)
    }

    /// A program has got to `stop`, which `costs` a request of its own if nothing was fetched for it.
    mutating func visit(
        _ stop: WalkStop,
        by thread: Int32,
        costs: Bool,
        at now: ContinuousClock.Instant,
        in map: some WalkMap,
        isKnown: (WalkStop) -> Bool
    ) -> [Job] {
        guard !isAt(stop) else { return [] }
        let index = walk(nearestTo: stop) ?? walks.firstIndex { !$0.orders(to: stop, in: map).isEmpty }
        var walk: Walk
        if let index {
            walk = walks.remove(at: index)
            walk.step(to: stop, costs: costs, at: now, in: map)
        } else {
            walk = Walk(id: nextID, stop, costs: costs, at: now, attachmentByteBound: attachmentByteBound)
            walk.begin(through: descents.extent(to: stop.prompt, by: thread, at: now), in: map)
            nextID += 1
        }
        let jobs = walk.jobs(in: map, isKnown: isKnown, mayTryAgain: true)
        walks.insert(walk, at: 0)
        if walks.count > Self.walkBound { walks.removeLast() }
        return jobs
    }

    /// Of those that will get to `stop`, the one that gets there first: two may come towards each other.
    private func walk(nearestTo stop: WalkStop) -> Int? {
        let distances = walks.enumerated().compactMap { index, walk in
            walk.distance(to: stop).map { (index: index, distance: $0) }
        }
        return distances.min { $0.distance < $1.distance }?.index
    }

    /// A program at `stop` reads an attachment, which `costs` requests of its own if nothing was fetched for it.
    mutating func read(_ key: BlobKey, at stop: WalkStop, costs: Bool) {
        guard let index = walks.firstIndex(where: { $0.last == stop }) else { return }
        walks[index].attachments.read(key, costs: costs)
    }

    /// Prompts behind `prompt`, in the order of the walk that gets there now, of which versions have come.
    func prompts(behind prompt: PromptName) -> [PromptName] {
        walks.lazy.compactMap { $0.prompts(behind: prompt) }.first ?? []
    }

    /// Where a walk is.
    func last(of id: Int) -> WalkStop? { walks.first { $0.id == id }?.last }

    /// What the walk at `stop` may have fetched of attachments; nil where it reads none.
    func attachmentDemand(at stop: WalkStop) -> AttachmentDemand? {
        walks.first { $0.last == stop }.flatMap(\.attachmentDemand)
    }

    /// The attachments at `stops` are at hand, or on their way.
    mutating func hasSeenToAttachments(at stops: [WalkStop], for walk: Int) {
        guard let index = walks.firstIndex(where: { $0.id == walk }) else { return }
        walks[index].hasSeenToAttachments(at: stops)
    }

    /// Whether an attachment that a demand was for is to be fetched now, which then counts as being done: another thread may
    /// have had the same demand.
    mutating func claimAttachment(_ key: BlobKey, byteCount: Int64, for walk: Int) -> Bool {
        guard let index = walks.firstIndex(where: { $0.id == walk }) else { return false }
        return walks[index].claimAttachment(key, byteCount: byteCount)
    }

    /// An attachment that was claimed is not fetched.
    mutating func attachmentRefused(_ key: BlobKey, for walk: Int) {
        guard let index = walks.firstIndex(where: { $0.id == walk }) else { return }
        walks[index].attachments.refused(key)
        walks[index].forgetAttachmentsSeenTo()
    }

    /// A job has ended; tells what to do next.
    mutating func ended(
        _ job: Job,
        _ outcome: Outcome,
        in map: some WalkMap,
        isKnown: (WalkStop) -> Bool
    ) -> [Job] {
        guard let index = walks.firstIndex(where: { $0.id == job.walk }) else { return [] }
        walks[index].ended(job, outcome, in: map)
        return walks[index].jobs(in: map, isKnown: isKnown, mayTryAgain: false)
    }
}

/// Attachments that may be fetched ahead of a walk: so many, of so many bytes, and where they are, in order.
struct AttachmentDemand: Sendable {
    let walk: Int
    let count: Int
    let byteCount: Int64
    let stops: [WalkStop]
    /// Those that are being fetched ahead, and the one that is being read.
    let known: Set<BlobKey>
}

/// The attachments of a walk that reads them. What was fetched ahead is at most what was read, too.
private struct AttachmentWindow {
    /// As many as the client sends requests for at once.
    private static let countBound = 64

    let byteBound: Int64
    private(set) var used = 0
    private(set) var spent = 0
    private var last: BlobKey?
    /// Fetched ahead, and not read so far.
    private(set) var pending: [BlobKey: Int64] = [:]

    init(byteBound: Int64) { self.byteBound = byteBound }

    /// Whether any was.
    var areRead: Bool { last != nil }

    var count: Int { min(Self.countBound - pending.count, share) }

    /// What is left of twice what was read.
    var share: Int { max(0, 2 * used - spent) }

    /// Those that need not be fetched ahead any more.
    var known: Set<BlobKey> { Set(pending.keys).union(last.map { [$0] } ?? []) }

    var byteCount: Int64 { byteBound - pending.values.reduce(0, +) }

    mutating func read(_ key: BlobKey, costs: Bool) {
        guard key != last else { return }
        last = key
        let wasPending = pending.removeValue(forKey: key) != nil
        if wasPending || costs { used += 1 }
        if !wasPending && costs { spent += 1 }
    }

    mutating func fetching(_ key: BlobKey, byteCount: Int64) {
        spent += 1
        pending[key] = byteCount
    }

    mutating func refused(_ key: BlobKey) {
        if pending.removeValue(forKey: key) != nil { spent -= 1 }
    }
}

/// One program's way, as far as it can be told from others'.
private struct Walk {
    /// `leftAside` is not fetched ahead.
    private enum Readiness { case unknown, looking, absent, fetching, fetched, present, leftAside }

    private struct Item {
        let stop: WalkStop
        var readiness: Readiness
        var hasItsAttachments = false

        var hasCome: Bool { readiness == .present || readiness == .fetched }

        var mayLackAttachments: Bool { hasCome && !hasItsAttachments }

        /// Whether a request was spent on it.
        var hasCost: Bool { readiness == .fetching || readiness == .fetched }
    }

    /// So many steps after the first make a walk.
    private static let stepBound = 2
    private static let smallestWindow = 4
    /// As many as the client sends at once (64), and what is then on its way into the store.
    private static let largestWindow = 96
    /// So many windows are ahead at most, of which one is under way: while the walk waits for one answer that is late, the
    /// others are not.
    private static let depth = 2
    /// The same where the walk reads attachments: they take two more round trips than the version that tells of them.
    private static let depthWithAttachments = 3
    /// What is so far behind was left out: several threads, or a sorting that heeds the language, mix up near neighbours.
    private static let slack = 16
    /// After a pause, the program may have been a person.
    private static let pause: Duration = .seconds(2)

    let id: Int
    private(set) var last: WalkStop
    private var lastHasItsAttachments = false
    var attachments: AttachmentWindow
    /// Those that all steps fit; what comes next is known as far as they agree.
    private var orders = WalkOrder.every
    private var stepCount = 0
    /// Behind `last`, in order.
    private var ahead: [Item] = []
    /// Left out at the last step; another thread of the same program may be about to look at it.
    private var leftOut: WalkStop?
    /// Where `ahead` ends.
    private var frontier: WalkStop
    /// Whether it has gone from one prompt to another, and from one namespace: before that, it may be a walk through one.
    private var hasCrossedPrompts = false
    private var hasCrossedNamespaces = false
    /// Whether it looks into drafts, which many walks leave out, and which are not good for long.
    private var hasSeenDraft = false
    /// Whether it lists prompts that the listing tells no number of: others with nothing but a draft may not interest it.
    private var hasSeenUnlisted = false
    /// So many are under way at once.
    private var window = smallestWindow
    /// Requests for versions that the walk got to.
    private var used: Int
    /// All its requests for versions.
    private var spent: Int
    /// Whether the last fetch was refused: one is then tried at each step.
    private var isRefused = false
    private var lastStep: ContinuousClock.Instant

    init(
        id: Int,
        _ stop: WalkStop,
        costs: Bool,
        at now: ContinuousClock.Instant,
        attachmentByteBound: Int64
    ) {
        self.id = id
        attachments = AttachmentWindow(byteBound: attachmentByteBound)
        last = stop
        frontier = stop
        used = costs ? 1 : 0
        spent = used
        lastStep = now
        hasSeenDraft = stop.version == .draft
    }

    /// It is known what is walked through, if this is where such a walk begins.
    mutating func begin(through extent: Descents.Extent, in map: some WalkMap) {
        let possible = Descents.Extent.allCases.filter { $0 <= extent }
        let known = possible.last { each in orders.contains { $0.begins(at: last, through: each, in: map) } }
        guard let known else { return }
        orders = orders.filter { $0.begins(at: last, through: known, in: map) }
        stepCount = Self.stepBound
        hasCrossedPrompts = known >= .namespace
        hasCrossedNamespaces = known >= .library
    }

    /// nil where walks do not get to `prompt` next.
    func prompts(behind prompt: PromptName) -> [PromptName]? {
        guard let first = ahead.firstIndex(where: { $0.stop.prompt == prompt }) else { return nil }
        var prompts: [PromptName] = []
        for item in ahead[first...] where item.hasCome && item.stop.prompt != prompt {
            if prompts.last != item.stop.prompt { prompts.append(item.stop.prompt) }
        }
        return prompts
    }

    var attachmentDemand: AttachmentDemand? {
        let count = min(attachments.count, allowance)
        guard stepCount >= Self.stepBound, count > 0 else { return nil }
        let stops = (lastHasItsAttachments ? [] : [last]) + ahead.lazy.filter(\.mayLackAttachments).map(\.stop)
        guard !stops.isEmpty else { return nil }
        return AttachmentDemand(
            walk: id,
            count: count,
            byteCount: attachments.byteCount,
            stops: stops,
            known: attachments.known
        )
    }

    mutating func claimAttachment(_ key: BlobKey, byteCount: Int64) -> Bool {
        guard !attachments.known.contains(key), byteCount <= attachments.byteCount,
            min(attachments.count, allowance) > 0
        else { return false }
        attachments.fetching(key, byteCount: byteCount)
        return true
    }

    mutating func hasSeenToAttachments(at stops: [WalkStop]) {
        if stops.contains(last) { lastHasItsAttachments = true }
        for index in ahead.indices where ahead[index].mayLackAttachments && stops.contains(ahead[index].stop) {
            ahead[index].hasItsAttachments = true
        }
    }

    mutating func forgetAttachmentsSeenTo() {
        lastHasItsAttachments = false
        for index in ahead.indices { ahead[index].hasItsAttachments = false }
    }

    /// How many stops are before `stop`; nil where it is not among the next ones.
    func distance(to stop: WalkStop) -> Int? { leftOut == stop ? 0 : ahead.firstIndex { $0.stop == stop } }

    /// The orders that a step to `stop` would leave.
    func orders(to stop: WalkStop, in map: some WalkMap) -> [WalkOrder] {
        orders.filter { order in
            guard let next = order.stop(after: last, in: map) else { return false }
            // One may be left out: a version that is gone, or what another thread of the program looks at.
            return next == stop || order.stop(after: next, in: map) == stop
        }
    }

    /// Whether the program has gone back for what it seemed to have left out.
    private mutating func takeLeftOut(_ stop: WalkStop, costs: Bool) -> Bool {
        guard leftOut == stop else { return false }
        leftOut = nil
        count(hadCost: false, costs: costs)
        return true
    }

    mutating func step(to stop: WalkStop, costs: Bool, at now: ContinuousClock.Instant, in map: some WalkMap) {
        guard !takeLeftOut(stop, costs: costs) else { return }
        lastHasItsAttachments = false
        if let index = ahead.firstIndex(where: { $0.stop == stop }) {
            let item = ahead.remove(at: index)
            count(hadCost: item.hasCost, costs: costs)
            lastHasItsAttachments = item.hasItsAttachments
            window = min(window * 2, Self.largestWindow)
            let leftOut = ahead.prefix(max(0, index - Self.slack))
            if leftOut.contains(where: \.hasCost) { window = max(window / 2, Self.smallestWindow) }
            ahead.removeFirst(leftOut.count)
        } else {
            orders = orders(to: stop, in: map)
            leftOut = orders.first?.stop(after: last, in: map).flatMap { $0 == stop ? nil : $0 }
            count(hadCost: false, costs: costs)
            ahead = []
        }
        if ahead.isEmpty { frontier = stop }
        if lastStep.duration(to: now) > Self.pause { window = Self.smallestWindow }
        stepCount += 1
        if stop.version == .draft { hasSeenDraft = true }
        if map.hasAskedForVersions(of: stop.prompt) { hasSeenUnlisted = true }
        if last.prompt != stop.prompt { hasCrossedPrompts = true }
        if last.prompt.namespace != stop.prompt.namespace { hasCrossedNamespaces = true }
        last = stop
        lastStep = now
    }

    private mutating func count(hadCost: Bool, costs: Bool) {
        if hadCost || costs { used += 1 }
        if !hadCost && costs { spent += 1 }
    }

    /// So many requests may be made ahead now: versions and attachments have one account.
    private var allowance: Int { 2 * (used + attachments.used) - spent - attachments.spent }

    /// What is to be done now, which then counts as being done.
    mutating func jobs(in map: some WalkMap, isKnown: (WalkStop) -> Bool, mayTryAgain: Bool) -> [Walks.Job] {
        guard stepCount >= Self.stepBound else { return [] }
        extend(in: map, isKnown: isKnown)
        var jobs: [Walks.Job] = []
        // What is nearer, and is looked for still, may need its part.
        // So may attachments of what has come.
        let left = allowance - min(attachments.share, ahead.count(where: \.mayLackAttachments))
        var fetchBound = isRefused ? (mayTryAgain ? 1 : 0) : left
        for index in ahead.indices {
            switch ahead[index].readiness {
            case .unknown:
                ahead[index].readiness = .looking
                fetchBound -= 1
                jobs.append(Walks.Job(walk: id, kind: .look, stop: ahead[index].stop))
            case .looking: fetchBound -= 1
            case .absent where fetchBound > 0 && allowance > 0:
                spent += 1
                fetchBound -= 1
                ahead[index].readiness = .fetching
                jobs.append(Walks.Job(walk: id, kind: .fetch, stop: ahead[index].stop))
            default: break
            }
        }
        return jobs
    }

    private mutating func extend(in map: some WalkMap, isKnown: (WalkStop) -> Bool) {
        var underWay = ahead.count { !$0.hasCome && $0.readiness != .leftAside }
        let depth = attachments.areRead ? Self.depthWithAttachments : Self.depth
        while underWay < window, ahead.count < depth * window {
            let candidates = orders.map { $0.stop(after: frontier, in: map) }
            guard let first = candidates.first, let next = first, candidates.allSatisfy({ $0 == next }) else { return }
            guard hasCrossedPrompts || next.prompt == last.prompt else { return }
            guard hasCrossedNamespaces || next.prompt.namespace == last.prompt.namespace else { return }
            let isLeftAside = next.version == .draft && !hasSeenDraft || next.version == nil && !hasSeenUnlisted
            let readiness: Readiness = isLeftAside ? .leftAside : isKnown(next) ? .present : .unknown
            ahead.append(Item(stop: next, readiness: readiness))
            if readiness == .unknown { underWay += 1 }
            frontier = next
        }
    }

    mutating func ended(_ job: Walks.Job, _ outcome: Walks.Outcome, in map: some WalkMap) {
        // Where the walk has got there meanwhile, its own request was what was spent.
        guard let index = ahead.firstIndex(where: { $0.stop == job.stop }) else { return }
        if job.kind == .fetch {
            isRefused = outcome == .refused
            if isRefused { spent -= 1 }
        }
        switch outcome {
        case .absent, .refused: ahead[index].readiness = .absent
        case .present: ahead[index].readiness = .present
        case .fetched: ahead[index].readiness = .fetched
        }
        guard outcome == .present || outcome == .fetched else { return }
        // What `latest` is was asked for; the versions come in its place, the newest of them with the answer.
        if job.stop.version == nil, let order = orders.first,
            let stops = order.stops(at: job.stop.prompt, after: last, in: map)
        {
            let newest = stops.compactMap(\.version).max()
            let items = stops.map { stop in
                Item(stop: stop, readiness: stop.version == newest ? ahead[index].readiness : .unknown)
            }
            ahead.replaceSubrange(index...index, with: items)
        }
    }
}
