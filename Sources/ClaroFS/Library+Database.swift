import ClaroAPI
import FUSE
import Synchronization

/// What comes from the database and goes into it. What was fetched before this process began is as old as the system's
/// clock says; in the future, it is as old as can be.
extension Library {
    // MARK: Bodies

    /// Takes a version from the database, if memory has none. What is being fetched was looked for before.
    func restoreBody(of key: VersionKey) {
        guard let database, key.variables.isEmpty else { return }
        let isKnown = state.withLock { state in
            state.bodies[key].map { $0.value != nil || $0.isBeingFetched } ?? false
        }
        guard !isKnown else { return }
        guard let stored = database.version(key.packageName) else { return }
        let body = body(of: stored, as: key, previous: nil)
        guard isAccepted(body, as: key) else { return }
        save(body, as: key, age: age(of: stored.fetched), isStored: true)
        if isExpired(stored.fetched) { state.withLock { $0.bodies[key]?.expire(at: .now) } }
    }

    enum StoredAnswer {
        case body(VersionBody)
        /// It is not there, and nobody need ask until then.
        case absence(until: ContinuousClock.Instant)
    }

    /// What another process was told of a version, if that is fresh still.
    func freshlyStoredAnswer(for key: VersionKey) -> StoredAnswer? {
        guard key.variables.isEmpty, let stored = database?.answer(for: key.packageName) else { return nil }
        if let body = stored.version.flatMap({ freshBody(of: key, $0) }) { return .body(body) }
        guard let absence = stored.absence, !isOutdated(absence, of: key) else { return nil }
        let until = end(of: absence)
        return .now < until ? .absence(until: until) : nil
    }

    private func freshBody(of key: VersionKey, _ stored: CacheDatabase.StoredVersion) -> VersionBody? {
        guard !isExpired(stored.fetched) else { return nil }
        let age = age(of: stored.fetched)
        // What never changes is good whatever the clock says.
        if let lifetime = freshness.lifetime(of: key.selector), age >= lifetime { return nil }
        let previous = cachedBody(of: key)
        let fresh = body(of: stored, as: key, previous: previous)
        guard isAccepted(fresh, as: key) else { return nil }
        let body = if let previous, previous.isSame(as: fresh) { previous } else { fresh }
        // Published texts stay what they were, whatever another process was told.
        let isStored = previous == nil || self.body(of: stored, as: key, previous: nil).isSame(as: body)
        save(body, as: key, age: age, isStored: isStored)
        return body
    }

    /// The body as far as memory or store have it, fresh or not.
    func knownBody(of key: VersionKey) -> VersionBody? {
        restoreBody(of: key)
        return cachedBody(of: key)
    }

    /// Puts a body that was fetched into the store; tells whether the store then has what `body` shows.
    func keep(
        _ prompt: Prompt,
        as key: VersionKey,
        _ body: VersionBody,
        previous: VersionBody?,
        _ priority: Priority
    ) async -> Bool {
        guard let database, key.variables.isEmpty else { return false }
        if body === previous, database.touch(key.packageName, fetched: .now()) { return isEvictable(key) }
        let (name, changed, fetched) = (key.packageName, body.modified, body.fetchedAt)
        let isSaved =
            switch priority {
            case .interactive: database.save(prompt, as: name, changed: changed, fetched: fetched)
            case .background: await database.saveTogether(prompt, as: name, changed: changed, fetched: fetched)
            }
        guard previous != nil else { return isSaved }
        // Texts of a published version stay what they were, whatever the API says now.
        let stored = VersionBody(prompt, previous: nil, isPublished: key.isPublished, fallbackTime: mountTime)
        return isSaved && stored.isSame(as: body)
    }

    // MARK: What need not stay in memory

    /// Whether the store has the body, so that nobody else needs to hold its bytes.
    func isEvictable(_ key: VersionKey) -> Bool { state.withLock { $0.evictable.contains(key) } }

    /// The store is about to lose a version: whoever has its texts open reads on, and everybody else asks again.
    func letGo(of name: PackageName, _ stored: CacheDatabase.StoredVersion) {
        let key = VersionKey(name.prompt, name.selector)
        invalidations.send(inodes.pin(body(of: stored, as: key, previous: nil).textFiles, of: key))
        state.withLock { state in
            let isEvictable = state.evictable.remove(key)
            // What comes is compared with it.
            let isBeingFetched = state.bodies[key]?.isBeingFetched ?? false
            if isEvictable, !isBeingFetched { state.bodies[key] = nil }
        }
    }

    private func body(
        of stored: CacheDatabase.StoredVersion,
        as key: VersionKey,
        previous: VersionBody?
    ) -> VersionBody {
        VersionBody(
            stored.prompt,
            previous: previous,
            isPublished: key.isPublished,
            fallbackTime: mountTime,
            changed: stored.changed,
            fetched: stored.fetched
        )
    }

    // MARK: The listing

    /// Takes the listing from the database at its first use. Others who want it meanwhile wait for that, as they would
    /// have to read it themselves.
    func restoreListing() {
        guard let database, lock == nil else { return }
        listingRestoration.withLock { isDone in
            guard !isDone else { return }
            isDone = true
            guard cachedListing == nil, let stored = database.prompts() else { return }
            use(listing(stored, previous: nil), age: age(of: stored.fetched))
        }
    }

    /// A listing that another process has fetched, and that is fresh still.
    func freshlyStoredListing() -> Listing? {
        guard let database, let head = database.listingHead(), !isExpired(head.fetched) else { return nil }
        let lifetime = state.withLock { $0.listingLifetime(pageCount: head.pageCount, freshness, at: .now) }
        guard age(of: head.fetched) < lifetime, let stored = database.prompts() else { return nil }
        let listing = listing(stored, previous: cachedListing)
        use(listing, age: age(of: stored.fetched))
        return listing
    }

    private func listing(
        _ stored: (prompts: [Listing.Prompt], pageCount: Int, fetched: Timestamp),
        previous: Listing?
    ) -> Listing {
        Listing(
            stored.prompts,
            pageCount: stored.pageCount,
            previous: previous,
            inodes: inodes,
            fallbackTime: mountTime,
            now: .now()
        )
    }

    // MARK: latest

    /// Takes from the database what `latest` is, if memory does not know.
    func restoreNewest(of prompt: PromptName) {
        guard state.withLock({ $0.newest[prompt]?.value }) == nil, let stored = storedNewest(of: prompt) else { return }
        state.withLock { state in
            guard state.newest[prompt]?.value == nil else { return }
            state.newest[prompt, default: Renewable()].fetched(stored.newest, freshUntil: stored.freshUntil)
        }
    }

    /// What `latest` is as another process has learnt, or this one before, if that is fresh still.
    func freshlyStoredNewest(of prompt: PromptName) -> Newest? {
        let absence = database?.names(of: prompt).absences[.latest].map { absence in
            (newest: Newest.none, freshUntil: end(of: absence))
        }
        guard let stored = storedNewest(of: prompt) ?? absence, .now < stored.freshUntil else { return nil }
        state.withLock { $0.newest[prompt, default: Renewable()].fetched(stored.newest, freshUntil: stored.freshUntil) }
        return stored.newest
    }

    private func storedNewest(of prompt: PromptName) -> (newest: Newest, freshUntil: ContinuousClock.Instant)? {
        guard let stored = database?.newest(of: prompt) else { return nil }
        let now = ContinuousClock.now
        return (
            stored.number.map(Newest.published) ?? .none,
            isExpired(stored.fetched) ? now : now + freshness.ttl - age(of: stored.fetched)
        )
    }

    /// Where `latest` has no number, its body is what is asked for and kept.
    func keep(_ newest: Newest, of prompt: PromptName, isListed: Bool) {
        let now = Timestamp.now()
        switch newest {
        case .published(let number): database?.saveNewest(number, of: prompt, fetched: now)
        case .none where isListed: database?.saveNewest(nil, of: prompt, fetched: now)
        case .none:
            let absence = CacheDatabase.Absence(isForbidden: false, fetched: now)
            database?.save(absence, of: PackageName(prompt, .latest))
        case .opaque: database?.removeNewest(of: prompt)
        }
    }

    // MARK: What is not there

    /// Takes from the database which versions a prompt's directory leaves out, and whether it shows a draft, once.
    func restoreNames(of prompt: PromptName) {
        guard let database, !state.withLock({ $0.restoredNames.contains(prompt) }) else { return }
        let names = database.names(of: prompt)
        let absences = names.absences.filter { !isOutdated($0.value, of: VersionKey(prompt, $0.key)) }
        state.withLock { state in
            guard state.restoredNames.insert(prompt).inserted else { return }
            if names.hasDraft { state.seenDrafts.insert(prompt) }
            for (selector, absence) in absences {
                let key = VersionKey(prompt, selector)
                // What was learnt since is newer.
                guard state.absences[key] == nil, state.bodies[key]?.value == nil else { continue }
                state.absences[key] = end(of: absence)
            }
        }
    }

    /// Whether the listing says otherwise, and came later: another process may have looked before it was published.
    private func isOutdated(_ absence: CacheDatabase.Absence, of key: VersionKey) -> Bool {
        let time = ContinuousClock.now - age(of: absence.fetched)
        return state.withLock { $0.isOutdated(absenceOf: key, since: time) }
    }

    private func end(of absence: CacheDatabase.Absence) -> ContinuousClock.Instant {
        absence.isForbidden ? .now : .now + freshness.negativeTTL - age(of: absence.fetched)
    }

    /// Whether it was fetched before everything was last made to expire.
    private func isExpired(_ fetched: Timestamp) -> Bool {
        state.withLock { $0.expired }.map { fetched < $0 } ?? false
    }

    private func age(of fetched: Timestamp) -> Duration {
        let age = fetched.duration(to: .now())
        return age < .zero ? Freshness.forever : age
    }
}
