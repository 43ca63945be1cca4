import ClaroAPI
import Synchronization

extension Library {
    /// More than anybody has, few enough to be listed at once where no kernel asks for them part by part, and to be kept
    /// with a number each.
    static let publishedVersionBound: UInt32 = 10_000

    /// The numbers of the versions in a prompt's directory.
    func publishedVersions(of prompt: PromptName, upTo newest: UInt32) -> [UInt32] {
        guard newest > 0, lock == nil else { return newest > 0 ? [newest] : [] }
        let hidden = hiddenVersions(of: prompt)
        return (1...min(newest, Self.publishedVersionBound)).filter { !hidden.contains($0) }
    }

    /// Whether all that the listing names is a draft.
    func isDraftOnly(_ prompt: PromptName) -> Bool {
        let listed = state.withLock { $0.listing.value?.prompt(prompt) }
        return listed.map { $0.newest == nil && $0.isDraftKnown } ?? false
    }
}
