import ClaroAPI
import Glibc
import SystemPackage

/// Fetching ahead, for `claro warm`.
extension LibraryTree {
    /// Whether what is fetched outlives this process.
    package var isKept: Bool { library.database != nil }

    /// What is worth fetching at a place: of each prompt the newest version, or all that are listed, or the draft where
    /// nothing is published.
    ///
    /// - Throws: ENOENT, ENOTDIR, and as `items`.
    package func versions(at path: LibraryPath, all: Bool) async throws(Errno) -> [VersionKey] {
        switch path {
        case .root:
            let names = try await library.currentListing().namespaces.flatMap(\.prompts).map(\.name)
            return names.filter(library.isIncluded).flatMap { versions(of: $0, all: all) }
        case .namespace(let name):
            guard let namespace = try await library.currentListing().namespace(name) else {
                throw .noSuchFileOrDirectory
            }
            return namespace.prompts.map(\.name).filter(library.isIncluded).flatMap { versions(of: $0, all: all) }
        case .prompt(let prompt):
            let newest = try await newest(of: prompt)
            guard case .published = newest else { return [VersionKey(prompt, .latest)] }
            return versions(of: prompt, all: all)
        case .version(let key): return [key]
        case .context, .file, .contextFile: throw .notDirectory
        }
    }

    private func versions(of prompt: PromptName, all: Bool) -> [VersionKey] {
        library.restoreNewest(of: prompt)
        switch library.knownNewest(of: prompt) {
        case .published(let newest)?:
            guard all else { return [VersionKey(prompt, .published(newest))] }
            library.restoreNames(of: prompt)
            return library.publishedVersions(of: prompt, upTo: newest).map { VersionKey(prompt, .published($0)) }
        case .some(Library.Newest.none): return [VersionKey(prompt, .draft)]
        case .opaque?, nil: return [VersionKey(prompt, library.isDraftOnly(prompt) ? .version(.draft) : .latest)]
        }
    }

    /// Has a version and its attachments in the store; false where they were there already.
    ///
    /// - Parameters:
    ///   - key: The version, or `latest`.
    ///   - withAttachments: Whether to fetch them.
    ///   - waits: Called while the budget is spent.
    /// - Returns: Whether anything was fetched.
    /// - Throws: as `Library.body` and `Blob.read`.
    package func warm(
        _ key: VersionKey,
        withAttachments: Bool,
        waits: @Sendable () -> Void
    ) async throws(Errno) -> Bool {
        let key = try await numbered(key, waits)
        library.restoreBody(of: key)
        var wasFetched = false
        if library.cachedBody(of: key) == nil {
            try await waitForBudget(waits)
            wasFetched = true
        }
        let body = try await cachedOrFetchedBody(of: key)
        guard withAttachments else { return wasFetched }
        for (_, entry) in body.context {
            guard case .attachment(let attachment) = entry else { continue }
            if try await warm(attachment, waits) { wasFetched = true }
        }
        return wasFetched
    }

    /// The version that `latest` is; the draft, where that is all there is.
    private func numbered(_ key: VersionKey, _ waits: @Sendable () -> Void) async throws(Errno) -> VersionKey {
        guard key.selector == .latest else { return key }
        try await waitForBudget(waits)
        switch try await newest(of: key.prompt) {
        case .published(let number): return VersionKey(key.prompt, .published(number), variables: key.variables)
        case .opaque: return key
        case .none where library.isDraftListed(key.prompt): return VersionKey(key.prompt, .draft)
        case .none: throw .noSuchFileOrDirectory
        }
    }

    /// A draft of any age will do: it is what a mount serves without a network.
    private func cachedOrFetchedBody(of key: VersionKey) async throws(Errno) -> VersionBody {
        if let body = library.cachedBody(of: key) { return body }
        return try await body(of: key)
    }

    private func warm(_ attachment: Attachment, _ waits: @Sendable () -> Void) async throws(Errno) -> Bool {
        let blob = blobs.blob(attachment.key)
        if let size = blob.knownByteCount, blob.has(Int(clamping: size), at: 0) { return false }
        try await waitForBudget(waits)
        var offset: Int64 = 0
        while offset < (try await blob.byteCount()) {
            _ = try await blob.read(at: offset, count: Int(Readahead.segmentByteCount))
            offset += Readahead.segmentByteCount
        }
        return true
    }

    /// Returns when a request may be sent that nobody waits for.
    private func waitForBudget(_ waits: @Sendable () -> Void) async throws(Errno) {
        while !client.hasRoomAhead {
            waits()
            // What others spend and when the server opens a window again is not announced.
            guard (try? await Task.sleep(for: .milliseconds(500))) != nil else { throw .interrupted }
        }
    }
}
