import ClaroEmulator
import Foundation
import Synchronization
import TestSupport

/// The library of the soak test: served by the emulator, changed at random, with all that it ever was.
final class SoakLibrary: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// A file's bytes; nil: there is none.
    typealias Body = [UInt8]?

    fileprivate struct Prompt {
        var versions: [Version] = []
        /// The draft's number among all drafts; nil: there is none.
        var draft: SoakHistory<Int?>
        /// The newest version's number; nil: the prompt is removed, or nothing is published.
        var latest: SoakHistory<Int?>
        var isListed: SoakHistory<Bool>
    }

    fileprivate struct Version {
        let generation: Int
        let isPublished: SoakHistory<Bool>
    }

    fileprivate struct State {
        var prompts: [String: Prompt] = [:]
        /// All texts, drafts included, by the order in which they were written.
        var texts: [Text] = []
        var changeCounts: [String: Int] = [:]
        var removals: [Instant] = []
        /// Of files that the API makes: the first that was read.
        var generated: [SoakThing: [UInt8]] = [:]
    }

    /// What somebody has written: a version's or a draft's texts and attachment.
    fileprivate struct Text {
        let slug: String
        let content: [UInt8]
        let system: [UInt8]?
        let attachment: Workspace.Attachment?
    }

    let emulator: Emulator
    private let state = Mutex(State())
    private let seed: UInt64

    /// More text than a daemon keeps in memory, so that later growth is none of what it may have.
    private static let promptCount = 36
    private static let versionCount = 4
    private static let textByteCount = 72_000
    /// Those that have drafts, most of the time.
    private static let slugsOfDrafts = ["prompt-0", "prompt-1", "prompt-2"]

    private init(emulator: Emulator, seed: UInt64) {
        self.emulator = emulator
        self.seed = seed
    }

    static func start(seed: UInt64) async throws -> SoakLibrary {
        // No partial download waits for its rest for longer.
        let configuration = Emulator.Configuration { $0.signedURLLifetime = .seconds(5) }
        let library = SoakLibrary(emulator: try await Emulator.start([:], configuration: configuration), seed: seed)
        for index in 0..<promptCount {
            let slug = "prompt-\(index)"
            library.add(slug)
            for _ in 1..<versionCount { library.publish(slug) }
            if slugsOfDrafts.contains(slug) { library.change(draftOf: slug) }
        }
        library.state.withLock { $0.changeCounts = [:] }
        return library
    }

    /// How often each kind of change was made.
    var changeCounts: [String: Int] { state.withLock { $0.changeCounts } }

    // MARK: Changes

    /// Changes something.
    func change(using random: inout SeededRandom) {
        let slugs = state.withLock { state in state.prompts.filter { $0.value.isListed.current }.keys.sorted() }
        let drafts = Self.slugsOfDrafts
        guard let slug = slugs.randomElement(using: &random), let draft = drafts.randomElement(using: &random) else {
            return
        }
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<12: change(draftOf: draft)
        case 12: removeDraft(of: draft)
        case 13..<18: publish(slug)
        default:
            // As many come as go; those with drafts stay.
            guard !drafts.contains(slug) else { return publish(slug) }
            remove(slug)
            add("new-\(state.withLock { $0.prompts.count })")
        }
    }

    private func add(_ slug: String) {
        let (generation, version) = write(slug, attachmentByteCount: 200_000)
        apply("added") {
            $0[SoakThing.namespace, slug] = .init(slug, versions: [version])
        } note: { state, start, end in
            var published = SoakHistory(false, since: start)
            published.change(to: true, between: start, and: end)
            var latest = SoakHistory(Int?.none, since: start)
            latest.change(to: 1, between: start, and: end)
            let first = Version(generation: generation, isPublished: published)
            state.prompts[slug] = Prompt(
                versions: [first],
                draft: SoakHistory(nil, since: start),
                latest: latest,
                isListed: published
            )
        }
    }

    private func publish(_ slug: String) {
        let (generation, version) = write(slug, attachmentByteCount: nil)
        apply("published") {
            $0[SoakThing.namespace, slug]?.publish(version)
        } note: { state, start, end in
            var published = SoakHistory(false, since: start)
            published.change(to: true, between: start, and: end)
            let number = (state.prompts[slug]?.versions.count ?? 0) + 1
            state.prompts[slug]?.versions.append(Version(generation: generation, isPublished: published))
            state.prompts[slug]?.latest.change(to: number, between: start, and: end)
        }
    }

    private func change(draftOf slug: String) {
        let (generation, version) = write(slug, attachmentByteCount: nil)
        apply("draft changed") {
            $0[SoakThing.namespace, slug]?.draft = version
        } note: { state, start, end in
            state.prompts[slug]?.draft.change(to: generation, between: start, and: end)
        }
    }

    private func removeDraft(of slug: String) {
        apply("draft removed") {
            $0[SoakThing.namespace, slug]?.draft = nil
        } note: { state, start, end in
            state.prompts[slug]?.draft.change(to: nil, between: start, and: end)
            state.removals.append(start)
        }
    }

    private func remove(_ slug: String) {
        apply("removed") {
            $0[SoakThing.namespace, slug] = nil
        } note: { state, start, end in
            state.prompts[slug]?.draft.change(to: nil, between: start, and: end)
            state.prompts[slug]?.latest.change(to: nil, between: start, and: end)
            state.prompts[slug]?.isListed.change(to: false, between: start, and: end)
            state.removals.append(start)
        }
    }

    private func apply(
        _ kind: String,
        _ change: @Sendable (inout Workspace) -> Void,
        note: (inout sending State, Instant, Instant) -> Void
    ) {
        // Nobody judges what he has read before it is noted.
        state.withLock { state in
            let start = Instant.now
            emulator.update(change)
            note(&state, start, .now)
            state.changeCounts[kind, default: 0] += 1
        }
    }

    /// Texts that nobody has written before.
    private func write(_ slug: String, attachmentByteCount: Int64?) -> (generation: Int, Workspace.Version) {
        state.withLock { state in
            let generation = state.texts.count
            let heading = "soak \(slug) \(generation)\n"
            let line = "This is a line of \(slug), written as number \(generation) of all texts.\n"
            let lineCount = Self.textByteCount / line.utf8.count + generation % 100
            let content = heading + "For {{who:string // a name}}.\n" + String(repeating: line, count: lineCount)
            let system = generation.isMultiple(of: 3) ? "\(heading)Be kind, for the \(generation)th time." : nil
            let attachment = attachmentByteCount.map {
                Workspace.Attachment.synthetic(seed: seed &+ UInt64(generation), byteCount: $0 + Int64(generation))
            }
            state.texts.append(
                Text(
                    slug: slug,
                    content: Array(content.utf8),
                    system: system.map { Array($0.utf8) },
                    attachment: attachment
                )
            )
            var version = Workspace.Version(content, system: system)
            version.context = attachment.map { [.file("data.bin", $0, id: "ctx_\(generation)")] } ?? []
            version.overrides["metadata"] = .object([.init("generatedAt", .integer(Workspace.epoch))])
            return (generation, version)
        }
    }

    // MARK: Looking

    /// Something to look at, also what is not there any more or not yet.
    func thing(using random: inout SeededRandom) -> SoakThing {
        state.withLock { state in
            let kind = Int.random(in: 0..<20, using: &random)
            if kind == 0 { return .listing }
            let slugs = kind < 8 ? Self.slugsOfDrafts : state.prompts.keys.sorted()
            guard let slug = slugs.randomElement(using: &random), let prompt = state.prompts[slug] else {
                return .listing
            }
            // One more than there are.
            let number = Int.random(in: 1...prompt.versions.count + 1, using: &random)
            let file = SoakFile.allCases.randomElement(using: &random) ?? .content
            switch kind {
            case 0..<8: return .file(Bool.random(using: &random) ? .content : .system, slug: slug, number: 0)
            case 8..<10: return .latest(slug: slug)
            case 10..<12: return .latestText(slug: slug)
            case 12: return .filledText(who: SoakThing.values[number % 2], slug: slug, number: number)
            default: return .file(file, slug: slug, number: number)
            }
        }
    }

    /// Whether anything was removed in `window`: walks then meet names that lead nowhere.
    func hasRemoved(in window: ClosedRange<Instant>) -> Bool {
        state.withLock { state in state.removals.contains { window.contains($0) } }
    }

    /// For how long what `thing` was may be believed.
    func lifetime(of thing: SoakThing) -> Duration {
        switch thing {
        case .file(_, _, number: 0): max(SoakMount.draftTTL, SoakMount.negativeTTL)
        default: max(SoakMount.ttl, SoakMount.negativeTTL)
        }
    }

    /// Whether a look came to what the library was at some moment of `window`.
    func allows(_ look: SoakLook, in window: ClosedRange<Instant>) -> Bool {
        state.withLock { state in
            switch look.thing {
            case .listing:
                guard case .names(let names) = look.outcome else { return false }
                return state.prompts.allSatisfy { slug, prompt in
                    prompt.isListed.values(in: window).contains(names.contains(slug))
                }
            case .latest(let slug):
                let numbers = state.prompts[slug]?.latest.values(in: window) ?? []
                switch look.outcome {
                case .target(let target): return numbers.contains { number in number.map { "v\($0)" } == target }
                case .failure(.ENOENT): return numbers.contains(nil)
                default: return false
                }
            default: return state.allowsBody(look, in: window)
            }
        }
    }
}

extension SoakLibrary.State {
    /// As `allows`, of a file.
    fileprivate mutating func allowsBody(_ look: SoakLook, in window: ClosedRange<SoakLibrary.Instant>) -> Bool {
        if case .file(let file, _, let number) = look.thing, file == .metadata || file == .variables {
            return allowsGenerated(look, isDraft: number == 0, in: window)
        }
        return bodies(of: look.thing, in: window).contains { look.outcome.isOf($0) }
    }

    /// What the API makes of a published version is the same for ever, of a draft what it makes of it.
    private mutating func allowsGenerated(
        _ look: SoakLook,
        isDraft: Bool,
        in window: ClosedRange<SoakLibrary.Instant>
    ) -> Bool {
        guard case .file(_, let slug, let number) = look.thing else { return false }
        let text = SoakThing.file(.content, slug: slug, number: number)
        let isThere = bodies(of: text, in: window)
        guard case .bytes(let bytes, start: 0, let size) = look.outcome, bytes.count == size else {
            if case .failure(.ENOENT) = look.outcome { return isThere.contains(nil) }
            // A part, a size, or a heading, of something that is not known here.
            return isThere.contains { $0 != nil }
        }
        guard isThere.contains(where: { $0 != nil }) else { return false }
        guard !isDraft else { return (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil }
        let first = generated[look.thing] ?? bytes
        generated[look.thing] = first
        return first == bytes && (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil
    }

    /// What a file was in `window`.
    private func bodies(of thing: SoakThing, in window: ClosedRange<SoakLibrary.Instant>) -> [SoakLibrary.Body] {
        switch thing {
        case .file(let file, let slug, number: 0):
            guard let prompt = prompts[slug] else { return [nil] }
            return prompt.draft.values(in: window).map { $0.flatMap { body(file, of: $0) } }
        case .file(let file, let slug, let number):
            return published(slug, number, in: window) { body(file, of: $0) }
        case .filledText(let who, let slug, let number):
            return published(slug, number, in: window) { generation in
                let text = String(decoding: texts[generation].content, as: UTF8.self)
                return Array(text.replacing("{{who:string // a name}}", with: who).utf8)
            }
        case .latestText(let slug):
            guard let prompt = prompts[slug] else { return [nil] }
            return prompt.latest.values(in: window).map { number in
                number.flatMap { body(.content, of: prompt.versions[$0 - 1].generation) }
            }
        case .latest, .listing: return []
        }
    }

    /// Of a version that is published the body never changes. It can be gone once its prompt was removed, and stay as long
    /// as nobody lists its namespace.
    private func published(
        _ slug: String,
        _ number: Int,
        in window: ClosedRange<SoakLibrary.Instant>,
        _ body: (Int) -> SoakLibrary.Body
    ) -> [SoakLibrary.Body] {
        guard let prompt = prompts[slug], prompt.versions.indices.contains(number - 1) else { return [nil] }
        let version = prompt.versions[number - 1]
        var bodies = version.isPublished.values(in: window).map { $0 ? body(version.generation) : nil }
        if !prompt.isListed.current { bodies.append(nil) }
        return bodies
    }

    private func body(_ file: SoakFile, of generation: Int) -> SoakLibrary.Body {
        let text = texts[generation]
        switch file {
        case .content: return text.content
        case .system: return text.system
        case .attachment: return text.attachment.flatMap { try? $0.read(0..<$0.byteCount) }
        case .metadata, .variables: return nil
        }
    }
}

extension SoakLook.Outcome {
    /// Whether it is what somebody sees of `body`.
    fileprivate func isOf(_ body: SoakLibrary.Body) -> Bool {
        switch (self, body) {
        case (.bytes(let bytes, let start, let size), let body?):
            size == body.count && start + bytes.count <= size && body[start..<start + bytes.count].elementsEqual(bytes)
        case (.size(let size), let body?): size == body.count
        case (.heading(let heading), let body?): body.starts(with: heading.utf8)
        case (.failure(.ENOENT), nil): true
        default: false
        }
    }
}
