import ClaroAPI
import Synchronization

/// What readahead asks of the library.
extension Library {
    /// Longer lists are not gone through in advance: one that the server claims may have a thousand million versions.
    private static let versionBound: UInt32 = 4096

    /// The versions in a prompt's directory, in its order; nil where one request would tell.
    func listedVersions(of prompt: PromptName) -> [Version]? {
        guard let newest = knownNewest(of: prompt) else { return nil }
        var versions: [Version] = isDraftListed(prompt) ? [.draft] : []
        if lock != nil, case .published(let only) = newest { return [.published(only)] }
        guard case .published(let last) = newest, last <= Self.versionBound else { return versions }
        let hidden = hiddenVersions(of: prompt)
        for number in 1...last where !hidden.contains(number) { versions.append(.published(number)) }
        return versions
    }

    /// Whether nobody has to wait for `stop`; looking into the store brings it into memory.
    func isAtHand(_ stop: WalkStop, lookingIntoStore: Bool) -> Bool {
        guard let version = stop.version else {
            if lookingIntoStore { restoreNewest(of: stop.prompt) }
            return knownNewest(of: stop.prompt) != nil
        }
        let key = VersionKey(stop.prompt, version)
        if lookingIntoStore {
            restoreNames(of: stop.prompt)
            restoreBody(of: key)
        }
        // Nobody will come to what its directory leaves out.
        return state.withLock { $0.absences[key] != nil || $0.bodies[key]?.isFresh(at: .now) ?? false }
    }

    /// Fetches what nobody has asked for yet, and returns when it has come or cannot come; false where no request may be
    /// spent on it now.
    func fetchAhead(_ stop: WalkStop) async -> Bool {
        guard client.reserveAhead() else { return false }
        guard let version = stop.version else {
            _ = try? await pointer(of: stop.prompt, isListed: true, renewing: false, priority: .background)
            return true
        }
        _ = try? await bodyInMemory(of: VersionKey(stop.prompt, version), priority: .background)
        return true
    }
}
