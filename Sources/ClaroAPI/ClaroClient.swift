import Logging

/// Whom a request is made for.
package enum Priority: Sendable {
    /// Somebody waits for the answer.
    case interactive
    /// It may be useful later: waits behind interactive ones, and never takes the last quarter of the rate limit.
    case background
}

/// The answer to `ClaroClient.getPrompt`.
package enum PromptAnswer: Sendable {
    case prompt(Prompt)
    /// The version still has the ETag that the caller knows.
    case notModified
}

package final class ClaroClient: Sendable {
    package struct Configuration: Sendable {
        package var baseURL: BaseURL
        /// For each call in all; for a listing, each page.
        package var timeout: Duration = .seconds(30)
        /// How long a download may bring nothing.
        package var downloadStall: Duration = .seconds(10)
        /// Certificates to trust instead of the system's, as PEM.
        package var caFile: String?
        package var userAgent = "mount.claro"

        package init(baseURL: BaseURL) {
            self.baseURL = baseURL
        }
    }

    private let configuration: Configuration

    package init(configuration: Configuration, credentials: Credentials, logger: Logger) {
        self.configuration = configuration
    }

    package func getPrompt(
        _ name: PackageName,
        variables: [String: String] = [:],
        ifNoneMatch etag: String? = nil,
        priority: Priority = .interactive
    ) async throws(APIError) -> PromptAnswer {
        throw APIError(.unreachable, .getPrompt, name.description)
    }

    package func listPrompts(priority: Priority = .interactive) async throws(APIError) -> PromptListing {
        throw APIError(.unreachable, .listPrompts, "prompts")
    }

    package func downloadURL(
        forContextItem id: String,
        priority: Priority = .interactive
    ) async throws(APIError) -> SignedURL {
        throw APIError(.unreachable, .downloadURL, id)
    }

    package func download(
        _ url: SignedURL,
        range: Range<Int64>? = nil,
        receiver: DownloadReceiver
    ) async throws(APIError) -> DownloadEnd {
        throw APIError(.unreachable, .download, url.description)
    }

    package func checkHealth() async -> Bool { false }

    package func reloadCredentials() {}

    package var statistics: ClientStatistics { ClientStatistics() }

    package func shutdown() {}
}
