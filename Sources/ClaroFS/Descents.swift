import ClaroAPI

/// What threads have listed on their way down to versions, by which a walk is known from its first version on: who lists a
/// namespace, then its first prompt, then looks into the first version there, goes through all of it. `ls` does not go
/// further, and a shell's patterns list all prompts before anybody looks into one.
///
/// Only what the kernel asks for is seen: who finds a listing in its caches comes unannounced.
struct Descents {
    enum Directory: Equatable {
        case root
        case namespace(String)
        case prompt(PromptName)
    }

    /// What somebody goes through: nothing that is known, or all versions of so much.
    enum Extent: Comparable, CaseIterable { case unknown, prompt, namespace, library }

    private struct Way {
        let thread: Int32
        let directory: Directory
        let extent: Extent
        let time: ContinuousClock.Instant
    }

    private var ways: [Way] = []

    /// The oldest makes room.
    private static let wayBound = 16
    /// A program takes microseconds from one to the next; after a pause it may have been a person.
    private static let pause: Duration = .seconds(2)

    /// A thread lists a directory from its beginning.
    mutating func list(_ directory: Directory, by thread: Int32, at now: ContinuousClock.Instant) {
        // All those in another pid namespace have this number.
        guard thread != 0 else { return }
        let before = way(of: thread, at: now)
        let extent: Extent =
            switch directory {
            case .root: .library
            case .namespace: before?.directory == .root ? .library : .namespace
            case .prompt(let name):
                before.flatMap { $0.directory == .namespace(name.namespace) ? $0.extent : nil } ?? .prompt
            }
        ways.removeAll { $0.thread == thread }
        ways.append(Way(thread: thread, directory: directory, extent: extent, time: now))
        if ways.count > Self.wayBound { ways.removeFirst() }
    }

    /// What a thread goes through that looks into a version of `prompt`.
    func extent(to prompt: PromptName, by thread: Int32, at now: ContinuousClock.Instant) -> Extent {
        way(of: thread, at: now).flatMap { $0.directory == .prompt(prompt) ? $0.extent : nil } ?? .unknown
    }

    private func way(of thread: Int32, at now: ContinuousClock.Instant) -> Way? {
        ways.last { $0.thread == thread && now - $0.time < Self.pause }
    }
}
