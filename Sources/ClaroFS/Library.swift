import ClaroAPI
import FUSE
import Synchronization
import SystemPackage

/// What is known of the library, and the one way to learn more: what is fresh is served, else one fetch is shared by all
/// who ask, saved, and served.
///
/// Looks into memory, then into the database, then asks.
final class Library: Sendable {
    /// What `latest` is for one prompt.
    enum Newest: Sendable, Equatable {
        case published(UInt32)
        /// Nothing is published.
        case none
        /// The API serves `latest` without saying which number it is.
        case opaque
    }

    struct State {
        var listing = Renewable<Listing>()
        /// For how long the listing was good when it came, and when that was.
        var listingLifetime = Duration.zero
        var listingTime: ContinuousClock.Instant?
        /// When listings were fetched in the last hour, and how many pages they took.
        var listingFetches: [(time: ContinuousClock.Instant, pageCount: Int)] = []
        /// Why the last attempt to renew it failed, until one succeeds.
        var listingFailure: APIError?
        /// When everything was last made to expire; what was stored before is not fresh.
        var expired: Timestamp?
        /// Of prompts for which the listing names no published version, or which it does not have.
        var newest: [PromptName: Renewable<Newest>] = [:]
        var bodies: [VersionKey: Renewable<VersionBody>] = [:]
        /// Those of `bodies` that are published, and that the store has as well.
        var evictable = EvictableBodies()
        /// Bytes of bodies that have left memory since it was last given back.
        var freedByteCount = 0
        /// Bodies with variables in the order in which they came.
        var variableBodies: [VersionKey] = []
        /// Versions left out of listings, because they were 404 or 403 when last asked for, and until when that is an
        /// answer: a 403 is none.
        var absences: [VersionKey: ContinuousClock.Instant] = [:]
        /// Prompts whose draft was fetched.
        var seenDrafts: Set<PromptName> = []
        /// Prompts of which the database was asked for absences and drafts.
        var restoredNames: Set<PromptName> = []
    }

    /// So many bodies with variables are kept, and of so many bytes, and so many absent names remembered: programs can make
    /// up any number.
    fileprivate static let variableBodyBound = 256
    fileprivate static let variableByteBound = 8 << 20
    /// When so many bytes of bodies have left memory, it is given back: texts of all sizes leave it in pieces.
    fileprivate static let trimmedByteCount = 16 << 20
    static let absenceBound = 10_000

    let state = Mutex(State())
    let client: ClaroClient
    let freshness: Freshness
    /// How long a caller waits.
    let timeout: Duration
    let inodes: InodeTable
    /// nil: nothing is kept.
    let database: CacheDatabase?
    /// Keeps processes that share a database from fetching the same thing at once.
    let fetchLocks: FetchLocks?
    let invalidations: Invalidations
    let faults: FaultLog
    let stale = StaleRegister()
    let counts = CacheCounts()
    /// Held while the listing is read from the database, which happens once, at its first use.
    let listingRestoration = Mutex(false)
    let include: [IncludePattern]
    /// nil: every version may be served.
    let lock: LockFile?
    /// The time of things that Claro gives none: when this was mounted.
    let mountTime = Timestamp.now()

    init(
        client: ClaroClient,
        freshness: Freshness,
        timeout: Duration,
        include: [IncludePattern],
        lock: LockFile?,
        inodes: InodeTable,
        database: CacheDatabase?,
        fetchLocks: FetchLocks?,
        invalidations: Invalidations,
        faults: FaultLog
    ) {
        self.client = client
        self.freshness = freshness
        self.timeout = timeout
        self.include = include
        self.lock = lock
        self.inodes = inodes
        self.database = database
        self.fetchLocks = fetchLocks
        self.invalidations = invalidations
        self.faults = faults
    }

    /// Takes a step that was found under the lock. What a caller gets when what it waited for did not come: what is
    /// cached, marked as stale, unless the API itself said that the thing is gone or closed. Unreachable is not deleted.
    /// Who waits for one thing after another has one `deadline` for all; where nobody waits there is none.
    func take<Value>(
        _ step: Renewable<Value>.Step,
        _ kind: CacheCounts.Kind,
        subject: String,
        by deadline: ContinuousClock.Instant? = nil,
        _ priority: Priority = .interactive
    ) async throws(Errno) -> Value {
        switch step {
        case .serve(let value):
            counts.count(kind, isHit: true)
            return value
        case .wait(let fetch, let older):
            counts.count(kind, isHit: false)
            let cause: String
            let errno: Errno
            do throws(WaitError) {
                let patience = deadline.map { max(.zero, $0 - .now) } ?? timeout
                return try await fetch.value(within: priority == .interactive ? patience : nil)
            } catch {
                switch error {
                case .interrupted: throw .interrupted
                case .timedOut: (cause, errno) = ("no answer within \(timeout)", .timedOut)
                case .failed(let error):
                    if error.isVerdict { throw error.errno }
                    (cause, errno) = (error.description, error.errno)
                }
            }
            guard let older else { throw errno }
            stale.mark(subject, cause)
            return older
        }
    }

    /// Nothing that can change is fresh any more: the next use of it asks. Kernel caches are the caller's business.
    func expireEverything() {
        restoreListing()
        let now = ContinuousClock.now
        state.withLock { state in
            state.expired = .now()
            state.listing.expire(at: now)
            for name in state.newest.keys { state.newest[name]?.expire(at: now) }
            for key in state.bodies.keys { state.bodies[key]?.expire(at: now) }
            state.absences = [:]
        }
        database?.removeAbsences()
    }

    // MARK: Bodies

    /// The body of a version: as it is cached while that is fresh, else as it is now.
    ///
    /// - Throws: ENOENT, EACCES, EAGAIN, EIO, EHOSTUNREACH, ETIMEDOUT, EINTR.
    func body(of key: VersionKey) async throws(Errno) -> VersionBody {
        restoreBody(of: key)
        return try await bodyInMemory(of: key)
    }

    /// As `body`, for who has looked into the store.
    func bodyInMemory(of key: VersionKey, priority: Priority = .interactive) async throws(Errno) -> VersionBody {
        let now = ContinuousClock.now
        let step: Renewable<VersionBody>.Step? = state.withLock { state in
            if let until = state.absences[key], now < until { return nil }
            return state.bodies[key, default: Renewable()].step(at: now, if: { $0.isFresh(at: now) }) {
                SharedFetch { () async throws(APIError) in try await self.fetchBody(key, priority) }
            }
        }
        guard let step else { throw .noSuchFileOrDirectory }
        return try await take(step, .version, subject: key.description, priority)
    }

    /// The bytes of a file that the store has.
    ///
    /// - Throws: as `body`, if the store has lost it; EIO where the API then has another text.
    func bytes(of facts: TextFile.Facts, in key: VersionKey) async throws(Errno) -> [UInt8] {
        if let file = knownBody(of: key)?.textFile(facts) { return file.bytes }
        guard let file = try await body(of: key).textFile(facts) else { throw .ioError }
        return file.bytes
    }

    /// The body as far as it is cached, fresh or not.
    func cachedBody(of key: VersionKey) -> VersionBody? { state.withLock { $0.bodies[key]?.value } }

    /// For how long the kernel may believe what a body says; nil: for ever. A body may have left memory since it was looked at.
    func remainingLifetime(of key: VersionKey) -> Duration? {
        guard let known = state.withLock({ $0.bodies[key] }) else {
            return freshness.lifetime(of: key.selector).map { _ in .zero }
        }
        return known.freshUntil.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
    }

    /// Makes the request, and saves what comes of it before any waiter hears of it.
    private func fetchBody(_ key: VersionKey, _ priority: Priority) async throws(APIError) -> VersionBody {
        let lock = await fetchLocks?.lock(key.description, within: timeout)
        defer { withExtendedLifetime(lock) {} }
        // While this waited for the lock another caller may have found it in the database.
        let known = state.withLock { $0.bodies[key] }
        if let known, let body = known.value, known.isFresh(at: .now) { return body }
        let previous = known?.value
        // Another process may have asked since this one last looked.
        switch freshlyStoredAnswer(for: key) {
        case .body(let body)?: return body
        case .absence(let until)?:
            noteAbsence(of: key, until: until)
            throw APIError(.notFound, .getPrompt, key.description, status: 404, cause: "it was asked for a moment ago")
        case nil: break
        }
        let start = ContinuousClock.now
        do throws(APIError) {
            do throws(APIError) {
                return try await askForBody(of: key, previous: previous, priority)
            } catch  where error.code == .notFound && state.withLock({ $0.isOutdated(absenceOf: key, since: start) }) {
                // Published while that was on its way.
                return try await askForBody(of: key, previous: previous, priority)
            }
        } catch {
            fail(key, error)
            throw error
        }
    }

    private func askForBody(
        of key: VersionKey,
        previous: VersionBody?,
        _ priority: Priority
    ) async throws(APIError) -> VersionBody {
        let answer = try await client.getPrompt(
            key.packageName,
            variables: Dictionary(key.variables.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
            ifNoneMatch: previous?.etag,
            priority: priority
        )
        switch answer {
        case .prompt(let prompt):
            try verifyLocked(prompt, as: key)
            return await save(prompt, as: key, priority)
        case .notModified:
            guard let previous else {
                throw APIError(
                    .malformed,
                    .getPrompt,
                    key.description,
                    status: 304,
                    cause: "nothing to compare with"
                )
            }
            let isStored = database?.touch(key.packageName, fetched: .now()) ?? false
            save(previous, as: key, isStored: isStored && isEvictable(key))
            return previous
        }
    }

    /// Saves an answer as the body of `key`; unchanged, what was there stays.
    @discardableResult
    func save(_ prompt: Prompt, as key: VersionKey, _ priority: Priority) async -> VersionBody {
        let previous = cachedBody(of: key)
        let fresh = VersionBody(prompt, previous: previous, isPublished: key.isPublished, fallbackTime: mountTime)
        let body = if let previous, previous.isSame(as: fresh) { previous } else { fresh }
        let isStored = await keep(prompt, as: key, body, previous: previous, priority)
        if let previous, previous !== body { inodes.pin(previous.textFiles, of: key) }
        save(body, as: key, isStored: isStored)
        return body
    }

    /// Serves `body` as that of `key`, `age` after it was fetched. What is published, and the store has as well, leaves
    /// memory when others come.
    func save(_ body: VersionBody, as key: VersionKey, age: Duration = .zero, isStored: Bool = false) {
        let now = ContinuousClock.now
        stale.clear(key.description)
        let (wasHidden, gone, hasFreed) = state.withLock { state in
            let freshUntil = freshness.lifetime(of: key.selector).map { now + $0 - age }
            state.bodies[key, default: Renewable()].fetched(body, freshUntil: freshUntil)
            let gone = key.variables.isEmpty ? [] : state.keepVariableBody(key)
            state.evictable.remove(key)
            if isStored, key.isPublished { state.evict(toMakeRoomFor: body, of: key) }
            let isNewDraft = key.selector == .version(.draft) && state.seenDrafts.insert(key.prompt).inserted
            return (state.absences.removeValue(forKey: key) != nil || isNewDraft, gone, state.takeFreed())
        }
        if hasFreed { Task(priority: .utility) { FreedMemory.trim() } }
        // Otherwise the kernel would hold them, and with them this process their texts, for as long as it has room.
        if !gone.isEmpty { invalidations.send(inodes.names(ofVersions: gone)) }
        if wasHidden { dropNames(of: key.prompt) }
    }

    private func fail(_ key: VersionKey, _ error: APIError) {
        faults.report(error)
        let now = ContinuousClock.now
        guard error.isVerdict else {
            return state.withLock { state in
                // What was never there leaves nothing behind: anybody can name any number of versions.
                guard state.bodies[key]?.value != nil else { return state.bodies[key] = nil }
                state.bodies[key]?.failed(error, at: now)
            }
        }
        let absence = CacheDatabase.Absence(isForbidden: error.code == .forbidden, fetched: .now())
        if key.variables.isEmpty { database?.save(absence, of: key.packageName) }
        noteAbsence(of: key, until: absence.isForbidden ? now : now + freshness.negativeTTL)
    }

    /// Nothing is served under `key` any more, and until `until` nobody asks again.
    private func noteAbsence(of key: VersionKey, until: ContinuousClock.Instant) {
        state.withLock { state in
            state.bodies[key] = nil
            state.evictable.remove(key)
            if key.selector == .version(.draft) { state.seenDrafts.remove(key.prompt) }
            if state.absences.count >= Self.absenceBound { (state.absences, state.restoredNames) = ([:], []) }
            state.absences[key] = until
        }
        stale.clear(key.description)
        dropNames(of: key.prompt, gone: key)
    }

    /// Has the kernel read a prompt's directory again, and forget a version that is gone.
    private func dropNames(of prompt: PromptName, gone key: VersionKey? = nil) {
        guard let inode = inode(of: prompt) else { return }
        var items: [Invalidations.Item] = [.contents(inode)]
        if let key, key.variables.isEmpty, case .version(let version) = key.selector {
            items.append(.entry(FileName(version.description), in: inode))
        }
        invalidations.send(items)
    }

    /// The inode of a prompt's directory, if the kernel holds it.
    func inode(of prompt: PromptName) -> InodeNumber? {
        let namespace = inodes.number(of: Identity("@" + prompt.namespace, in: .root))
        let inode = inodes.number(of: Identity(prompt.slug, in: namespace))
        return inodes.isHeld(inode) ? inode : nil
    }
}

extension Library.State {
    /// Whether what was not there at `time` is there by now: the listing came later, and names it.
    func isOutdated(absenceOf key: VersionKey, since time: ContinuousClock.Instant) -> Bool {
        guard case .version(.published(let number)) = key.selector, let listingTime, time < listingTime else {
            return false
        }
        return number <= listing.value?.prompt(key.prompt)?.newest ?? 0
    }

    mutating func evict(toMakeRoomFor body: VersionBody, of key: VersionKey) {
        for key in evictable.add(key, byteCount: body.byteCount) {
            if let known = bodies[key], known.isBeingFetched {
                // What comes is compared with it.
                evictable.keep(key, byteCount: known.value?.byteCount ?? 0)
            } else {
                freedByteCount += bodies.removeValue(forKey: key)?.value?.byteCount ?? 0
            }
        }
    }

    /// Whether so much has left memory that it should be given back.
    fileprivate mutating func takeFreed() -> Bool {
        guard freedByteCount >= Library.trimmedByteCount else { return false }
        freedByteCount = 0
        return true
    }

    /// Makes room for what has come; returns what goes.
    fileprivate mutating func keepVariableBody(_ key: VersionKey) -> Set<VersionKey> {
        variableBodies.removeAll { $0 == key }
        variableBodies.append(key)
        var byteCount = variableBodies.reduce(0) { $0 + (bodies[$1]?.value?.byteCount ?? 0) }
        var gone: Set<VersionKey> = []
        while variableBodies.count > 1,
            variableBodies.count > Library.variableBodyBound || byteCount > Library.variableByteBound
        {
            let oldest = variableBodies.removeFirst()
            let freed = bodies.removeValue(forKey: oldest)?.value?.byteCount ?? 0
            byteCount -= freed
            freedByteCount += freed
            gone.insert(oldest)
        }
        return gone
    }
}
