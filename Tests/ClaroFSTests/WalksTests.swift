import ClaroAPI
import Testing

@testable import ClaroFS

/// Walks through a library that is a table: which prompts there are, in listing order, and their versions.
struct WalksTests {
    private struct Table: WalkMap {
        /// nil: one request would tell.
        var prompts: [(slug: String, versions: [UInt32]?)]
        var isListingWithVersions = true

        func prompt(beside prompt: PromptName, in order: WalkOrder) -> PromptName? {
            let slugs = order.sorting == .name ? prompts.map(\.slug).sorted() : prompts.map(\.slug)
            guard let index = slugs.firstIndex(of: prompt.slug) else { return nil }
            let next = order.isBackward ? index - 1 : index + 1
            return slugs.indices.contains(next) ? PromptName(namespace: "acme", slug: slugs[next]) : nil
        }

        func versions(of prompt: PromptName) -> [Version]? {
            prompts.first { $0.slug == prompt.slug }?.versions?.map { Version(number: $0) }
        }

        func hasAskedForVersions(of prompt: PromptName) -> Bool { !isListingWithVersions }
    }

    /// A program that walks, with a store that has nothing and an API that answers at once.
    private struct Program {
        var map: Table
        var walks = Walks()
        var now = ContinuousClock.now
        var thread: Int32 = 1
        var fetched: [String] = []
        /// Requests that the walk itself had to make.
        var waited: [String] = []
        var isRefused = false
        /// Whether answers are on their way for ever; then what they are to.
        var holdsAnswers = false
        var held: [WalkStop] = []

        mutating func visit(_ name: String) {
            let parts = name.split(separator: "/")
            let prompt = PromptName(namespace: "acme", slug: parts[0])!
            let stop = WalkStop(prompt, Version(parts[1])!)
            let costs = !has(stop)
            if costs { waited.append(name) }
            let known = has
            run(walks.visit(stop, by: thread, costs: costs, at: now, in: map, isKnown: known))
        }

        /// Lists directories above versions, one after the other.
        mutating func list(_ directories: Descents.Directory...) {
            for directory in directories { walks.list(directory, by: thread, at: now) }
        }

        mutating func list(_ slug: String) {
            list(.prompt(PromptName(namespace: "acme", slug: slug[...])!))
        }

        var has: (WalkStop) -> Bool {
            let names = Set(fetched + waited)
            return { names.contains("\($0.prompt.slug)/\($0.version.map(\.description) ?? "latest")") }
        }

        private mutating func run(_ jobs: [Walks.Job]) {
            for job in jobs {
                let outcome: Walks.Outcome
                switch job.kind {
                case .look: outcome = has(job.stop) ? .present : .absent
                case .fetch where isRefused: outcome = .refused
                case .fetch where holdsAnswers:
                    held.append(job.stop)
                    continue
                case .fetch:
                    fetched.append("\(job.stop.prompt.slug)/\(job.stop.version.map(\.description) ?? "latest")")
                    if job.stop.version == nil,
                        let index = map.prompts.firstIndex(where: { $0.slug == job.stop.prompt.slug })
                    {
                        map.prompts[index].versions = [1, 2]
                        fetched.append("\(job.stop.prompt.slug)/v2")
                    }
                    outcome = .fetched
                }
                let known = has
                run(walks.ended(job, outcome, in: map, isKnown: known))
            }
        }
    }

    /// Prompts `p00`, `p01`, … whose names are in the listing's order, too.
    private static func program(_ promptCount: Int, versions: [UInt32] = [1, 2, 3]) -> Program {
        Program(map: Table(prompts: (0..<promptCount).map { ("p\($0 / 10)\($0 % 10)", versions) }))
    }

    /// All versions in the order of a walk through the directories.
    private static func everything(in program: Program) -> [String] {
        program.map.prompts.flatMap { prompt in (prompt.versions ?? []).map { "\(prompt.slug)/v\($0)" } }
    }

    @Test func `three versions in a row are a walk, two are not`() {
        var program = Self.program(1, versions: Array(1...9))
        program.visit("p00/v1")
        program.visit("p00/v2")
        #expect(program.fetched == [])
        program.visit("p00/v3")
        #expect(program.fetched == ["p00/v4", "p00/v5", "p00/v6"])
    }

    @Test(arguments: [
        ("forward", false, ["p00/v1", "p00/v2", "p00/v3", "p01/v1"], "p01/v2"),
        ("backward", true, ["p09/v3", "p09/v2", "p09/v1", "p08/v3"], "p08/v2"),
    ])
    func `a walk through everything waits until it has crossed from one prompt to another`(
        _ direction: String,
        isBackward: Bool,
        start: [String],
        next: String
    ) {
        var program = Self.program(10)
        let path = Self.everything(in: program)
        for name in isBackward ? path.reversed() : path { program.visit(name) }
        #expect(program.waited == start)
        #expect(program.fetched.first == next)
        #expect(Set(program.fetched).count == program.fetched.count, "nothing twice")
        #expect(Set(program.fetched + program.waited) == Set(path), "and nothing else")
    }

    @Test func `drafts are fetched ahead for walks that have seen one`() {
        var program = Self.program(9, versions: [0, 1, 2])
        for name in ["p00/v1", "p00/v2", "p01/v1"] { program.visit(name) }
        #expect(program.fetched == ["p01/v2", "p02/v1", "p02/v2"])
        program = Self.program(9, versions: [0, 1, 2])
        for name in ["p00/v0", "p00/v1", "p00/v2", "p01/v0"] { program.visit(name) }
        #expect(program.fetched == ["p01/v1", "p01/v2", "p02/v0", "p02/v1"])
    }

    @Test func `a walk by name is told from one by listing at the end of the first prompt`() {
        var program = Program(
            map: Table(prompts: [("m", [1, 2, 3]), ("z", [1, 2, 3]), ("n", [1, 2, 3]), ("o", [1])])
        )
        for name in ["m/v1", "m/v2", "m/v3"] { program.visit(name) }
        #expect(program.fetched == [], "the two sortings do not agree on what is next")
        program.visit("n/v1")
        #expect(program.fetched == ["n/v2", "n/v3", "o/v1", "z/v1"])
    }

    @Test func `versions by name have v10 behind v1`() {
        var program = Self.program(1, versions: Array(1...12))
        for name in ["p00/v1", "p00/v10", "p00/v11"] { program.visit(name) }
        #expect(program.fetched == ["p00/v12", "p00/v2", "p00/v3"])
    }

    @Test(arguments: ["v3", "v1"])
    func `a walk through one version of each prompt fetches no other`(_ version: String) {
        var program = Self.program(20)
        for prompt in 0..<20 { program.visit("p\(prompt / 10)\(prompt % 10)/\(version)") }
        #expect(program.waited.count == 3)
        #expect(program.fetched.allSatisfy { $0.hasSuffix(version) })
        #expect(program.fetched.count == 17)
    }

    @Test(arguments: 1...40, [false, true])
    func `whenever a walk ends, at most twice was fetched of what it used`(_ length: Int, isKnown: Bool) {
        var program = Self.program(99)
        if isKnown {
            program.list(.root, .namespace("acme"))
            program.list("p00")
        }
        for name in Self.everything(in: program).prefix(length) { program.visit(name) }
        #expect(program.fetched.count + program.waited.count <= 2 * length)
    }

    @Test(arguments: 1...4)
    func `of versions and attachments together, at most twice was fetched of what a walk used`(_ interval: Int) {
        var program = Self.program(99)
        program.list(.root, .namespace("acme"))
        program.list("p00")
        let path = Self.everything(in: program)
        let withAttachments = Set(path.enumerated().filter { $0.offset % interval == 0 }.map(\.element))
        func key(_ name: String) -> BlobKey { BlobKey(itemID: name, claimedByteCount: 1, createdAt: nil) }
        var read: [String] = []
        var waited: [String] = []
        var ahead: Set<String> = []
        for (index, name) in path.enumerated() {
            program.visit(name)
            let parts = name.split(separator: "/")
            let stop = WalkStop(PromptName(namespace: "acme", slug: parts[0])!, Version(parts[1])!)
            if withAttachments.contains(name) {
                read.append(name)
                if !ahead.contains(name) { waited.append(name) }
                program.walks.read(key(name), at: stop, costs: !ahead.contains(name))
            }
            let demand = program.walks.attachmentDemand(at: stop)
            for stop in demand?.stops ?? [] {
                let name = "\(stop.prompt.slug)/\(stop.version!)"
                guard withAttachments.contains(name) else { continue }
                guard program.walks.claimAttachment(key(name), byteCount: 1, for: demand!.walk) else { continue }
                ahead.insert(name)
            }
            #expect(ahead.count + waited.count <= 2 * read.count)
            let spent = program.fetched.count + program.waited.count + ahead.count + waited.count
            #expect(spent <= 2 * (index + 1 + read.count))
        }
        #expect(program.waited == ["p00/v1"])
        #expect(waited.count < 8, "most had come when they were read")
    }

    @Test func `of attachments no more bytes are fetched ahead than there is room for`() {
        var program = Self.program(9)
        program.walks = Walks(attachmentByteBound: 10)
        program.list(.namespace("acme"))
        program.list("p00")
        program.visit("p00/v1")
        let keys = (0..<4).map { BlobKey(itemID: "\($0)", claimedByteCount: 6, createdAt: nil) }
        let stop = WalkStop(PromptName(namespace: "acme", slug: "p00")!, Version("v1")!)
        for key in keys.prefix(2) { program.walks.read(key, at: stop, costs: true) }
        let demand = program.walks.attachmentDemand(at: stop)
        #expect(demand?.count == 2)
        #expect(demand?.byteCount == 10)
        let claims = keys.suffix(2).map { key in
            program.walks.claimAttachment(key, byteCount: 6, for: demand?.walk ?? -1)
        }
        #expect(claims == [true, false])
    }

    @Test func `never more than two windows are ahead`() {
        var program = Self.program(200)
        for name in Self.everything(in: program).prefix(300) { program.visit(name) }
        #expect(program.fetched.count + program.waited.count == 300 + 2 * 96)
    }

    @Test func `never more than one window is under way`() {
        var program = Self.program(300)
        let path = Self.everything(in: program)
        for name in path.prefix(300) { program.visit(name) }
        program.holdsAnswers = true
        for name in path.dropFirst(300).prefix(192) { program.visit(name) }
        #expect(program.held.count == 96)
    }

    @Test func `after a pause the window is small again`() {
        var program = Self.program(200)
        let path = Self.everything(in: program)
        for name in path.prefix(300) { program.visit(name) }
        let before = program.fetched.count
        program.now += .seconds(3)
        for name in path.dropFirst(300).prefix(5) {
            program.visit(name)
            #expect(program.fetched.count == before, "what is ahead lasts")
        }
        for name in path.dropFirst(305).prefix(10) { program.visit(name) }
        #expect(program.fetched.count == before + 15)
    }

    @Test func `of attachments those are fetched ahead that are neither read nor on their way`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        program.list("p00")
        program.visit("p00/v1")
        let keys = (0..<3).map { BlobKey(itemID: "\($0)", claimedByteCount: 1, createdAt: nil) }
        let stop = WalkStop(PromptName(namespace: "acme", slug: "p00")!, Version("v1")!)
        #expect(program.walks.attachmentDemand(at: stop) == nil, "none was read")
        program.walks.read(keys[0], at: stop, costs: true)
        let demand = program.walks.attachmentDemand(at: stop)
        #expect(demand?.count == 1)
        #expect(demand?.known == [keys[0]])
        let claims = (0..<2).map { _ in
            program.walks.claimAttachment(keys[1], byteCount: 1, for: demand?.walk ?? -1)
        }
        #expect(claims == [true, false], "once")
        #expect(program.walks.attachmentDemand(at: stop) == nil, "as much as was read is on its way")
        program.walks.read(keys[1], at: stop, costs: false)
        #expect(program.walks.attachmentDemand(at: stop)?.count == 2)
    }

    @Test func `attachments that were read let more versions be fetched ahead`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        program.list("p00")
        program.visit("p00/v1")
        #expect(program.fetched == ["p00/v2"])
        let key = BlobKey(itemID: "1", claimedByteCount: 1, createdAt: nil)
        let stop = WalkStop(PromptName(namespace: "acme", slug: "p00")!, Version("v1")!)
        program.walks.read(key, at: stop, costs: true)
        program.visit("p00/v2")
        #expect(program.fetched == ["p00/v2", "p00/v3", "p01/v1", "p01/v2"], "six requests where three were used")
        program.visit("p00/v3")
        #expect(program.fetched.count == 5, "seven where four were: one is left for another attachment")
    }

    // MARK: Walks that are known from their first step

    @Test func `who lists a namespace and its first prompt walks through all`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        program.list("p00")
        program.visit("p00/v1")
        #expect(program.fetched == ["p00/v2"], "as much as was used")
        program.visit("p00/v2")
        #expect(program.fetched == ["p00/v2", "p00/v3", "p01/v1"])
        for name in Self.everything(in: program).dropFirst(2) { program.visit(name) }
        #expect(program.waited == ["p00/v1"])
        #expect(Set(program.fetched).count == program.fetched.count, "nothing twice")
        #expect(program.fetched.count == 26, "and nothing else")
    }

    @Test func `who lists one prompt walks through that`() {
        var program = Self.program(9)
        program.list("p00")
        for name in ["p00/v1", "p00/v2", "p00/v3"] { program.visit(name) }
        #expect(program.fetched == ["p00/v2", "p00/v3"])
    }

    @Test func `who lists all prompts before looking into one is not known`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        for prompt in program.map.prompts { program.list(prompt.slug) }
        program.visit("p00/v1")
        program.visit("p00/v2")
        #expect(program.fetched == [])
    }

    @Test func `who looks into another prompt than the first walks through that alone`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        program.list("p04")
        for name in ["p04/v1", "p04/v2", "p04/v3"] { program.visit(name) }
        #expect(program.fetched == ["p04/v2", "p04/v3"])
    }

    @Test func `who looks into another version than the first or last is not known`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        program.list("p00")
        program.visit("p00/v2")
        #expect(program.fetched == [])
    }

    @Test(arguments: [(lister: Int32(1), walker: Int32(2)), (lister: 0, walker: 0)])
    func `what another thread has listed tells nothing, nor what one did that has no number here`(
        _ threads: (lister: Int32, walker: Int32)
    ) {
        var program = Self.program(9)
        program.thread = threads.lister
        program.list(.namespace("acme"))
        program.list("p00")
        program.thread = threads.walker
        program.visit("p00/v1")
        #expect(program.fetched == [])
    }

    @Test func `what was listed a while ago tells nothing`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        program.list("p00")
        program.now += .seconds(3)
        program.visit("p00/v1")
        #expect(program.fetched == [])
    }

    @Test func `a known walk goes as names are sorted, or as prompts are listed`() {
        var program = Program(map: Table(prompts: [("z", [1]), ("m", [1]), ("a", [1, 2]), ("b", [1])]))
        program.list(.namespace("acme"))
        program.list("a")
        for name in ["a/v1", "a/v2", "b/v1", "m/v1"] { program.visit(name) }
        #expect(program.waited == ["a/v1"])
        program = Program(map: Table(prompts: [("z", [1]), ("m", [1]), ("a", [1, 2]), ("b", [1])]))
        program.list(.namespace("acme"))
        program.list("z")
        for name in ["z/v1", "m/v1", "a/v1", "a/v2"] { program.visit(name) }
        // It may be one by name, backward, as far as that has the same order.
        #expect(program.waited == ["z/v1", "a/v1"])
    }

    @Test func `a known walk may begin at the end`() {
        var program = Self.program(3)
        program.list(.namespace("acme"))
        program.list("p02")
        for name in Self.everything(in: program).reversed() { program.visit(name) }
        #expect(program.waited == ["p02/v3"])
    }

    @Test func `walks of more threads than are remembered go unknown`() {
        var program = Self.program(9)
        program.list(.namespace("acme"))
        program.list("p00")
        for thread in 2...20 {
            program.thread = Int32(thread)
            program.list(.root)
        }
        program.thread = 1
        program.visit("p00/v1")
        #expect(program.fetched == [])
    }

    @Test func `a walk that leaves some out goes on`() {
        var program = Self.program(99)
        let path = Self.everything(in: program)
        for name in path.prefix(20) { program.visit(name) }
        let waited = program.waited.count
        program.visit(path[22])
        program.visit(path[20])
        program.visit(path[23])
        #expect(program.waited.count == waited)
    }

    @Test func `a walk of two threads is one`() {
        var program = Self.program(99)
        let path = Self.everything(in: program)
        for step in stride(from: 0, to: 100, by: 2) {
            program.visit(path[step == 0 ? 0 : step + 1])
            program.visit(path[step == 0 ? 1 : step])
        }
        #expect(program.waited.count < 8)
    }

    @Test func `jumping about is no walk`() {
        var program = Self.program(99)
        for prompt in [5, 70, 31, 2, 90, 44, 60, 12, 81, 28] {
            program.visit("p\(prompt / 10)\(prompt % 10)/v\(prompt % 3 + 1)")
        }
        #expect(program.fetched == [])
    }

    @Test func `walks of several programs are told apart`() {
        var program = Self.program(99)
        let path = Self.everything(in: program)
        for step in 0..<60 {
            program.visit(path[step])
            program.visit(path[200 - step])
        }
        #expect(program.waited.count == 8)
    }

    @Test func `what is refused is tried again at the next step`() {
        var program = Self.program(10)
        program.isRefused = true
        let path = Self.everything(in: program)
        for name in path.prefix(10) { program.visit(name) }
        #expect(program.waited == Array(path.prefix(10)))
        program.isRefused = false
        for name in path.dropFirst(10) { program.visit(name) }
        #expect(program.waited == Array(path.prefix(11)))
        #expect(Set(program.fetched + program.waited) == Set(path))
    }

    @Test func `what is refused is tried again, also where attachments are read`() {
        var program = Self.program(10)
        let path = Self.everything(in: program)
        for name in path.prefix(6) { program.visit(name) }
        let key = BlobKey(itemID: "1", claimedByteCount: 1, createdAt: nil)
        let stop = WalkStop(PromptName(namespace: "acme", slug: "p01")!, Version("v3")!)
        program.walks.read(key, at: stop, costs: true)
        program.isRefused = true
        program.visit(path[6])
        program.isRefused = false
        let before = program.fetched.count
        program.visit(path[7])
        #expect(program.fetched.count > before)
    }

    @Test(arguments: [true, false])
    func `a prompt whose newest version is not listed is asked for it by walks that have seen such a one`(
        _ isListed: Bool
    ) {
        var program = Program(
            map: Table(
                prompts: [("a", [1, 2, 3]), ("b", [1, 2, 3]), ("c", nil), ("d", nil), ("e", [1])],
                isListingWithVersions: isListed
            )
        )
        for name in ["a/v1", "a/v2", "a/v3", "b/v1", "b/v2", "b/v3"] { program.visit(name) }
        #expect(program.waited == ["a/v1", "a/v2", "a/v3", "b/v1"])
        let others = isListed ? [] : ["c/latest", "c/v2", "c/v1", "d/latest", "d/v2", "d/v1"]
        #expect(program.fetched.sorted() == (["b/v2", "b/v3", "e/v1"] + others).sorted())
    }
}
