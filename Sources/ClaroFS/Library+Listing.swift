import ClaroAPI
import FUSE
import Synchronization
import SystemPackage

/// The listing, and what `latest` is.
extension Library {
    /// The listing, renewed if its time is over.
    ///
    /// - Throws: EACCES, EAGAIN, EIO, EHOSTUNREACH, ETIMEDOUT, EINTR.
    func currentListing() async throws(Errno) -> Listing {
        let now = ContinuousClock.now
        return try await listing(at: now) { $0.isFresh(at: now) }
    }

    /// Fetches the listing for somebody who tells why it failed himself: nothing is logged then.
    func firstListing() async throws(APIError) {
        _ = try await fetchListing(logsFailure: false)
    }

    /// The listing however old it is: walking through a directory on the way to something else renews nothing.
    func knownListing() async throws(Errno) -> Listing { try await listing(at: .now) { _ in true } }

    /// The listing as far as it is cached.
    var cachedListing: Listing? { state.withLock { $0.listing.value } }

    /// For how long the listing was good when it came.
    var listingLifetime: Duration { state.withLock { $0.listingLifetime } }

    /// For how long the listing need not be renewed.
    var remainingListingLifetime: Duration {
        guard let until = state.withLock({ $0.listing.freshUntil }) else { return .zero }
        return max(.zero, ContinuousClock.now.duration(to: until))
    }

    /// What `latest` is, asked again if the time of that is over.
    ///
    /// - Throws: ENOENT where there is no such prompt, and as `currentListing`.
    func newest(of prompt: PromptName) async throws(Errno) -> Newest {
        let deadline = ContinuousClock.now + timeout
        let listing = try await currentListing()
        if let number = listing.prompt(prompt)?.newest { return .published(number) }
        return try await pointer(of: prompt, isListed: listing.prompt(prompt) != nil, renewing: true, by: deadline)
    }

    /// What `latest` is as far as that is known without a request.
    func knownNewest(of prompt: PromptName) -> Newest? {
        state.withLock { state in
            state.listing.value?.prompt(prompt)?.newest.map(Newest.published) ?? state.newest[prompt]?.value
        }
    }

    /// For how long the answer of `newest` holds.
    func remainingLifetimeOfNewest(of prompt: PromptName) -> Duration {
        let until = state.withLock { state in
            state.listing.value?.prompt(prompt)?.newest == nil
                ? state.newest[prompt]?.freshUntil : state.listing.freshUntil
        }
        return until.map { max(.zero, ContinuousClock.now.duration(to: $0)) } ?? .zero
    }

    /// Whether there is such a prompt. One that a fresh listing does not have, though it has its namespace, is absent
    /// without a request; in other namespaces one request for `latest` decides.
    func exists(_ prompt: PromptName) async throws(Errno) -> Bool {
        guard isIncluded(prompt) else { return false }
        let deadline = ContinuousClock.now + timeout
        var listing = try await knownListing()
        if listing.prompt(prompt) != nil { return true }
        if listing.namespace(prompt.namespace) != nil {
            listing = try await listingForAbsence()
            if listing.prompt(prompt) != nil { return true }
            if listing.namespace(prompt.namespace) != nil { return false }
        }
        do throws(Errno) {
            return try await pointer(of: prompt, isListed: false, renewing: false, by: deadline) != .none
        } catch {
            guard error == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    /// A fresh listing, or the error that kept it from being fetched: an old one cannot tell that something is absent.
    private func listingForAbsence() async throws(Errno) -> Listing {
        let listing = try await currentListing()
        let isFresh = state.withLock { $0.listing.isFresh(at: .now) }
        if isFresh { return listing }
        throw listingFailure?.errno ?? .timedOut
    }

    /// Whether a prompt is in the part of the account that is shown.
    func isIncluded(_ prompt: PromptName) -> Bool {
        guard lock.map({ $0.entries[prompt] != nil }) ?? true else { return false }
        return include.isEmpty || include.contains { $0.includes(prompt) }
    }

    /// Whether a prompt's draft is shown.
    func isDraftListed(_ prompt: PromptName) -> Bool {
        guard lock == nil else { return false }
        return state.withLock { state in
            let isKnown = state.listing.value?.prompt(prompt)?.isDraftKnown ?? false
            let isHidden = state.absences[VersionKey(prompt, .draft)] != nil
            return !isHidden && (isKnown || state.seenDrafts.contains(prompt))
        }
    }

    /// Whether a version is left out of its prompt's directory, because it turned out not to be there.
    func isHidden(_ key: VersionKey) -> Bool { state.withLock { $0.absences[key] != nil } }

    /// Published versions that turned out not to be there.
    func hiddenVersions(of prompt: PromptName) -> Set<UInt32> {
        let keys = state.withLock { state in
            state.absences.keys.filter { $0.prompt == prompt && $0.variables.isEmpty }
        }
        return Set(
            keys.compactMap { key in
                if case .version(let version) = key.selector { version.number } else { nil }
            }
        )
    }

    /// For how long the kernel may believe that a version is not there or, of `latest`, a prompt that is not listed.
    func remainingAbsence(of key: VersionKey) -> Duration {
        let until = state.withLock { state in
            key.selector == .latest ? state.newest[key.prompt]?.freshUntil : state.absences[key]
        }
        let remaining = until.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
        return min(freshness.negativeTTL, remaining ?? freshness.negativeTTL)
    }

    // MARK: The listing's fetch

    private func listing(
        at now: ContinuousClock.Instant,
        if isGoodEnough: (Renewable<Listing>) -> Bool
    ) async throws(Errno) -> Listing {
        restoreListing()
        let step = state.withLock { state in
            state.listing.step(at: now, if: isGoodEnough) {
                SharedFetch { () async throws(APIError) in try await self.fetchListing() }
            }
        }
        return try await take(step, .listing, subject: Self.listingSubject)
    }

    static var listingSubject: String { "the listing" }

    private func fetchListing(logsFailure: Bool = true) async throws(APIError) -> Listing {
        if let lock { return useListing(of: lock) }
        let lock = await fetchLocks?.lock(Self.listingSubject, within: timeout)
        defer { withExtendedLifetime(lock) {} }
        // Another process may have renewed it.
        if let listing = freshlyStoredListing() { return listing }
        let answer: PromptListing
        do throws(APIError) {
            answer = try await client.listPrompts()
        } catch {
            // A 404 here says that this is no Claro API, not that there are no prompts.
            let error = error.code == .notFound ? error.asMalformed : error
            if logsFailure { faults.report(error) }
            state.withLock { state in
                state.listing.failed(error, at: .now)
                state.listingFailure = error
            }
            throw error
        }
        let previous = cachedListing
        let now = Timestamp.now()
        let listing = Listing(
            Listing.prompts(of: answer, previous: previous, inodes: inodes, now: now),
            pageCount: answer.pageCount,
            previous: previous,
            inodes: inodes,
            fallbackTime: mountTime,
            now: now
        )
        database?.save(listing, fetched: now)
        use(listing, age: .zero)
        return listing
    }

    /// Serves `listing` from now on, `age` after it was fetched, and has the kernel forget what is no longer so.
    func use(_ listing: Listing, age: Duration) {
        let fetched = ContinuousClock.now - age
        let (previous, published) = state.withLock { state in
            let previous = state.listing.value
            let published = previous.map { state.removeAbsences(publishedSince: $0, in: listing) } ?? []
            let lifetime = state.listingLifetime(pageCount: listing.pageCount, freshness, at: fetched)
            state.listingFetches.append((fetched, listing.pageCount))
            (state.listingLifetime, state.listingTime) = (lifetime, fetched)
            state.listing.fetched(listing, freshUntil: fetched + lifetime)
            state.listingFailure = nil
            return (previous, published)
        }
        forgetAbsences(of: published)
        stale.clear(Self.listingSubject)
        stale.clear { prompt in
            let isListed = listing.namespace(prompt.namespace) != nil || previous?.namespace(prompt.namespace) != nil
            return isListed && listing.prompt(prompt) == nil
        }
        if let previous { invalidations.send(listing.invalidations(replacing: previous)) }
    }

    /// Nobody is told any more that these are not there.
    private func forgetAbsences(of keys: [VersionKey]) {
        guard !keys.isEmpty else { return }
        database?.removeAbsences(of: keys.map(\.packageName))
        invalidations.send(
            keys.compactMap { key in
                inode(of: key.prompt).map { .entry(FileName(key.selector.description), in: $0) }
            }
        )
    }

    /// Why the listing could not be fetched, the last time it could not.
    var listingFailure: APIError? { state.withLock { $0.listingFailure } }

    // MARK: The fetch of `latest`

    func pointer(
        of prompt: PromptName,
        isListed: Bool,
        renewing: Bool,
        by deadline: ContinuousClock.Instant? = nil,
        priority: Priority = .interactive
    ) async throws(Errno) -> Newest {
        restoreNewest(of: prompt)
        let now = ContinuousClock.now
        let step = state.withLock { state in
            // That nothing is there is asked again when its time is over, even by those who only pass through.
            state.newest[prompt, default: Renewable()].step(
                at: now,
                if: { $0.isFresh(at: now) || !renewing && $0.value != Newest.none }
            ) {
                SharedFetch { () async throws(APIError) in
                    try await self.fetchNewest(prompt, isListed: isListed, priority)
                }
            }
        }
        return try await take(step, .latest, subject: PackageName(prompt, .latest).description, by: deadline, priority)
    }

    /// Asks for `latest`; the body that comes along is kept as that of its number.
    private func fetchNewest(
        _ prompt: PromptName,
        isListed: Bool,
        _ priority: Priority
    ) async throws(APIError) -> Newest {
        let name = PackageName(prompt, .latest)
        let lock = await fetchLocks?.lock(name.description, within: timeout)
        defer { withExtendedLifetime(lock) {} }
        // Another process may have asked.
        if let newest = freshlyStoredNewest(of: prompt) {
            stale.clear(name.description)
            return newest
        }
        var newest = Newest.none
        do throws(APIError) {
            if case .prompt(let body) = try await client.getPrompt(name, priority: priority) {
                switch body.version {
                case .published(let number)?:
                    newest = .published(number)
                    await save(body, as: VersionKey(prompt, .published(number)), priority)
                case .draft?, nil:
                    newest = .opaque
                    await save(body, as: VersionKey(prompt, .latest), priority)
                }
            }
        } catch  where error.code == .notFound {
            // A prompt with nothing but a draft, or none at all.
        } catch {
            faults.report(error)
            state.withLock { state in
                state.newest[prompt]?.failed(error, at: .now)
            }
            throw error
        }
        let isAbsent = newest == .none && !isListed
        let lifetime = isAbsent ? freshness.negativeTTL : freshness.ttl
        state.withLock { state in
            if isAbsent { state.limitAbsentPrompts(to: Self.absenceBound) }
            state.newest[prompt, default: Renewable()].fetched(newest, freshUntil: .now + lifetime)
        }
        keep(newest, of: prompt, isListed: isListed)
        stale.clear(name.description)
        return newest
    }
}

extension Library.State {
    /// Forgets that versions are not there which are newer than `old` knows, and which `listing` knows; returns them.
    fileprivate mutating func removeAbsences(publishedSince old: Listing, in listing: Listing) -> [VersionKey] {
        let published = absences.keys.filter { key in
            guard case .version(.published(let number)) = key.selector,
                let newest = listing.prompt(key.prompt)?.newest
            else { return false }
            return number <= newest && number > old.prompt(key.prompt)?.newest ?? 0
        }
        for key in published { absences[key] = nil }
        return published
    }

    /// Makes room for one more prompt that is not there.
    fileprivate mutating func limitAbsentPrompts(to bound: Int) {
        guard newest.count(where: { $0.value.value == Library.Newest.none }) >= bound else { return }
        newest = newest.filter { $0.value.value != Library.Newest.none }
    }

    /// For how long a listing of so many pages is good that was fetched at `time`.
    mutating func listingLifetime(
        pageCount: Int,
        _ freshness: Freshness,
        at time: ContinuousClock.Instant
    ) -> Duration {
        listingFetches.removeAll { time - .seconds(3600) > $0.time }
        let recent = listingFetches.reduce(0) { $0 + $1.pageCount }
        return freshness.listingLifetime(pageCount: pageCount, recentPageCount: recent)
    }
}

extension APIError {
    fileprivate var asMalformed: APIError {
        APIError(.malformed, operation, subject, status: status, requestID: requestID, cause: cause, attempts: attempts)
    }
}
