extension Emulator {
    /// How the emulator answers where the API's sources disagree or say nothing. The defaults are what the official
    /// Python SDK works with; each switch is another reading.
    package struct Configuration: Sendable {
        // Answers of the API.

        /// Wraps every success in `{"data": …}`.
        package var wrapsInEnvelope = false
        package var errorShape = ErrorShape.object
        package var packageName = PackageNameShape.bare
        package var versionType = VersionType.string
        package var timestamps = TimestampUnit.milliseconds
        package var emptyContext = EmptyContext.array
        /// Repeats the three texts in the member `versionContent`.
        package var sendsVersionContent = false
        /// Sends a strong ETag with a prompt and answers 304 to an `If-None-Match` that names it.
        package var sendsETags = false

        // Listings.

        package var listingDepth = ListingDepth.summary
        package var listingVersion = ListingVersion.newest
        package var listsEveryVersion = false
        package var pageSpelling = PageSpelling.camelCase
        package var defaultPageSize = 20

        // Versions.

        package var latestVersion = LatestVersion.resolved
        package var archivedVersions = ArchivedVersions.served
        package var drafts = DraftVisibility.everyone

        // Downloads.

        package var downloadURLPaths: Set<DownloadURLPath> = [.api, .plain]
        package var signedURLLifetime = Duration.seconds(300)
        package var sendsSignedURLLifetime = true
        package var signedURLsWorkOnce = false
        package var acceptsRanges = true
        package var storageFraming = StorageFraming.contentLength
        package var fileSize = FileSize.true

        // Access.

        /// A path in front of every path of the API, which then answers with and without it: `/claro`.
        package var pathPrefix = ""
        package var keys = Keys.any
        /// Namespaces that answer 403; the listing leaves them out.
        package var forbiddenNamespaces: Set<String> = []
        package var rateLimits: RateLimits?
        package var retryAfter = RetryAfterForm.seconds

        package init(_ change: (inout Configuration) -> Void = { _ in }) {
            change(&self)
        }
    }
}

extension Emulator.Configuration {
    /// `{"error": {"code", "message"}}`, `{"error": "message"}`, `{"message": "message"}`, text, or nothing.
    package enum ErrorShape: Sendable, CaseIterable { case object, string, topLevel, text, empty }

    /// `slug` or `@namespace/slug:version`.
    package enum PackageNameShape: Sendable, CaseIterable { case bare, full }

    /// `"v1"`, `1`, `"1"`, or no member.
    package enum VersionType: Sendable, CaseIterable { case string, number, digits, absent }

    package enum TimestampUnit: Sendable, CaseIterable { case milliseconds, seconds }

    package enum EmptyContext: Sendable, CaseIterable { case array, null, absent }

    /// Items without texts, or whole objects.
    package enum ListingDepth: Sendable, CaseIterable { case summary, full }

    /// The version that a listing item carries: that of the newest published one (`v0` where only a draft exists), or none.
    package enum ListingVersion: Sendable, CaseIterable { case newest, absent }

    /// `hasMore` and `cursor`, or `has_more` and `next_cursor`.
    package enum PageSpelling: Sendable, CaseIterable { case camelCase, snakeCase }

    /// What `version` says in an answer for `latest`: the number found, or the word.
    package enum LatestVersion: Sendable, CaseIterable { case resolved, literal }

    package enum ArchivedVersions: Sendable, CaseIterable { case served, notFound }

    /// Who can read `v0`; the others get `404`, or `403`.
    package enum DraftVisibility: Sendable {
        case everyone
        case owners(of: Set<String>, othersGet: Int)

        package static let nobody = DraftVisibility.owners(of: [], othersGet: 404)
    }

    /// `/api/v1/prompts/context/download-url` and `/v1/prompts/context/download-url`.
    package enum DownloadURLPath: Sendable, CaseIterable { case api, plain }

    package enum StorageFraming: Sendable, CaseIterable { case contentLength, chunked }

    /// What an item's `fileSize` says.
    package enum FileSize: Sendable {
        case `true`
        case absent
        case fixed(Int64)
        /// The true size plus so many bytes.
        case off(by: Int64)
    }

    package enum Keys: Sendable {
        case any
        case only(Set<String>)
    }

    package enum RetryAfterForm: Sendable, CaseIterable { case seconds, date, absent }

    /// Requests to the API that one key may make in a fixed window.
    package struct RateLimits: Sendable {
        package var perMinute: Int
        package var perHour: Int

        package init(perMinute: Int, perHour: Int) {
            self.perMinute = perMinute
            self.perHour = perHour
        }

        /// The documented ones for requests with a key.
        package static let documented = RateLimits(perMinute: 1_000, perHour: 10_000)
        /// The documented ones for requests without a key.
        package static let unauthenticated = RateLimits(perMinute: 100, perHour: 1_000)
    }
}
