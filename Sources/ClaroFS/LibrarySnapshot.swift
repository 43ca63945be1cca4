import ClaroAPI
import SystemPackage

/// What can change in a library, as of one moment, for `claro watch`.
package struct LibrarySnapshot: Sendable {
    package struct Prompt: Equatable, Sendable {
        /// The number of the newest published version; nil where there is none, or nobody has asked for it.
        package var newest: UInt32?
        /// `VersionBody.textsHash` of the draft, of a prompt whose draft is watched and there.
        package var draftHash: String?

        package init(newest: UInt32?, draftHash: String? = nil) {
            self.newest = newest
            self.draftHash = draftHash
        }
    }

    package enum Change: Equatable, Sendable {
        case added(PromptName, newest: UInt32?)
        case removed(PromptName)
        /// `latest` points elsewhere.
        case published(PromptName, from: UInt32?, to: UInt32?)
        /// nil: it is gone.
        case draft(PromptName, hash: String?)
        /// What is told from now on may be old; nil: no longer.
        case stale(String?)
    }

    package var prompts: [PromptName: Prompt]
    /// Why something could not be renewed.
    package var staleness: String?

    package init(prompts: [PromptName: Prompt], staleness: String? = nil) {
        self.prompts = prompts
        self.staleness = staleness
    }

    /// What is other than in `previous`, by the names of the prompts.
    package func changes(since previous: LibrarySnapshot) -> [Change] {
        var changes: [Change] = []
        if (staleness == nil) != (previous.staleness == nil) { changes.append(.stale(staleness)) }
        let names = Set(prompts.keys).union(previous.prompts.keys).sorted { "\($0)" < "\($1)" }
        for name in names {
            switch (previous.prompts[name], prompts[name]) {
            case (nil, let new?): changes.append(.added(name, newest: new.newest))
            case (_?, nil): changes.append(.removed(name))
            case (let old?, let new?):
                if old.newest != new.newest {
                    changes.append(.published(name, from: old.newest, to: new.newest))
                }
                if old.draftHash != new.draftHash { changes.append(.draft(name, hash: new.draftHash)) }
            case (nil, nil): break
            }
        }
        return changes
    }
}

extension LibraryTree {
    /// What there is now, renewed as far as its time is over. Of the prompts in `named` the draft and `latest` are asked
    /// for, too; of all others the listing tells.
    ///
    /// - Throws: as `Library.currentListing` where nothing at all is known.
    package func snapshot(in paths: [LibraryPath], named: [PromptName]) async throws(Errno) -> LibrarySnapshot {
        let listing = try await library.currentListing()
        var prompts: [PromptName: LibrarySnapshot.Prompt] = [:]
        for prompt in listing.namespaces.flatMap(\.prompts)
        where library.isIncluded(prompt.name) && paths.contains(where: { $0.contains(prompt.name) }) {
            prompts[prompt.name] = LibrarySnapshot.Prompt(newest: prompt.newest)
        }
        for name in named {
            guard let prompt = try await look(at: name) else { continue }
            prompts[name] = prompt
        }
        return LibrarySnapshot(prompts: prompts, staleness: stale.first.map { "\($0.subject): \($0.cause)" })
    }

    /// nil: there is no such prompt.
    private func look(at name: PromptName) async throws(Errno) -> LibrarySnapshot.Prompt? {
        let newest: UInt32?
        do throws(Errno) {
            newest = if case .published(let number) = try await library.newest(of: name) { number } else { nil }
        } catch .noSuchFileOrDirectory {
            newest = nil
        }
        do throws(Errno) {
            let draft = try await library.body(of: VersionKey(name, .draft))
            return LibrarySnapshot.Prompt(newest: newest, draftHash: draft.textsHash)
        } catch .noSuchFileOrDirectory, .permissionDenied {
            return newest == nil ? nil : LibrarySnapshot.Prompt(newest: newest)
        }
    }

    /// For how long the next look costs nothing.
    package func quietTime(watchingDrafts: Bool) -> Duration {
        let listing = stale.isEmpty ? library.remainingListingLifetime : configuration.freshness.ttl
        return watchingDrafts ? min(listing, configuration.freshness.draftTTL) : listing
    }
}

extension LibraryPath {
    /// Whether a prompt is at or below this place.
    func contains(_ prompt: PromptName) -> Bool {
        switch self {
        case .root: true
        case .namespace(let name): prompt.namespace == name
        case .prompt(let name): prompt == name
        case .version, .file, .context, .contextFile: false
        }
    }
}
