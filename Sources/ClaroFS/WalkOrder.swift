import ClaroAPI

/// Where a program can be on its way through the library: at a version, or at a prompt of which no version is known yet.
struct WalkStop: Hashable, Sendable {
    let prompt: PromptName
    let version: Version?

    init(_ prompt: PromptName, _ version: Version?) {
        self.prompt = prompt
        self.version = version
    }
}

/// What the order of a walk is made of.
protocol WalkMap {
    /// The prompt beside `prompt`, in the next namespace if need be; nil at the end.
    func prompt(beside prompt: PromptName, in order: WalkOrder) -> PromptName?
    /// A prompt's listed versions in directory order; nil where one request would tell.
    func versions(of prompt: PromptName) -> [Version]?
    /// Whether those of this prompt had to be asked for.
    func hasAskedForVersions(of prompt: PromptName) -> Bool
}

/// An order in which programs go through a library.
///
/// `grep -r` and `tar` go as directories are listed, `ls -lR` and patterns of the shell by name, `rg` backward from the end
/// of its stack; `*/latest/content.md` and `*/v1/content.md` see one version of each prompt.
struct WalkOrder: Hashable, Sendable {
    enum Sorting { case listing, name }
    enum Selection { case all, newest, same }

    let sorting: Sorting
    let isBackward: Bool
    let selection: Selection

    static let every: [WalkOrder] = [Sorting.listing, .name].flatMap { sorting in
        [false, true].flatMap { isBackward in
            [Selection.all, .newest, .same].map { WalkOrder(sorting: sorting, isBackward: isBackward, selection: $0) }
        }
    }

    /// So many prompts without versions may follow each other.
    private static let emptyPromptBound = 16

    /// Where a walk in this order gets to next.
    func stop(after stop: WalkStop, in map: some WalkMap) -> WalkStop? {
        if selection == .all, let version = stop.version, let next = sibling(after: version, of: stop.prompt, in: map) {
            return WalkStop(stop.prompt, next)
        }
        var prompt = stop.prompt
        for _ in 0..<Self.emptyPromptBound {
            guard let next = map.prompt(beside: prompt, in: self) else { return nil }
            prompt = next
            guard let stops = stops(at: prompt, after: stop, in: map) else { return WalkStop(prompt, nil) }
            if let first = stops.first { return first }
        }
        return nil
    }

    /// The stops at one prompt, for a walk that was at `stop` before; nil where one request would tell.
    func stops(at prompt: PromptName, after stop: WalkStop, in map: some WalkMap) -> [WalkStop]? {
        guard let versions = map.versions(of: prompt) else { return nil }
        let selected =
            switch selection {
            case .all: ordered(versions)
            case .newest: versions.max().map { $0 == .draft ? [] : [$0] } ?? []
            case .same: versions.filter { $0 == stop.version }
            }
        return selected.map { WalkStop(prompt, $0) }
    }

    /// Whether a walk in this order through so much begins at `stop`.
    func begins(at stop: WalkStop, through extent: Descents.Extent, in map: some WalkMap) -> Bool {
        guard selection == .all, stops(at: stop.prompt, after: stop, in: map)?.first == stop else { return false }
        guard extent > .prompt else { return extent == .prompt }
        let opposite = WalkOrder(sorting: sorting, isBackward: !isBackward, selection: selection)
        let previous = map.prompt(beside: stop.prompt, in: opposite)
        return extent == .library ? previous == nil : previous?.namespace != stop.prompt.namespace
    }

    private func sibling(after version: Version, of prompt: PromptName, in map: some WalkMap) -> Version? {
        guard let versions = map.versions(of: prompt).map(ordered), let index = versions.firstIndex(of: version) else {
            return nil
        }
        return index + 1 < versions.count ? versions[index + 1] : nil
    }

    private func ordered(_ versions: [Version]) -> [Version] {
        // Up to v9 the two sortings are one.
        let isSorted = sorting == .listing || versions.last.map { $0.number < 10 } ?? true
        let sorted = isSorted ? versions : versions.sorted { "\($0)".utf8.lexicographicallyPrecedes("\($1)".utf8) }
        return isBackward ? sorted.reversed() : sorted
    }
}
