import Synchronization

extension ClaroClient {
    /// Asks for the address at which a context file can be fetched for a while.
    ///
    /// Maps to `GET /api/v1/prompts/context/download-url`, which the official SDK uses, or the same below `/v1`, where
    /// the documentation puts everything: whichever answers first is kept.
    ///
    /// - Throws: `.badRequest` where the item is no file.
    package func downloadURL(
        forContextItem id: String,
        priority: Priority = .interactive
    ) async throws(APIError) -> SignedURL {
        let known = state.withLock(\.downloadURLPath)
        for path in known.map({ [$0] }) ?? Self.downloadURLPaths.dropLast() {
            do throws(APIError) {
                return try await downloadURL(forContextItem: id, path: path, priority: priority)
            } catch {
                guard known == nil, error.status == 404 || error.status == 405 else { throw error }
            }
        }
        return try await downloadURL(forContextItem: id, path: Self.downloadURLPaths[1], priority: priority)
    }

    private func downloadURL(
        forContextItem id: String,
        path: String,
        priority: Priority
    ) async throws(APIError) -> SignedURL {
        let call = APICall(
            operation: .downloadURL,
            subject: ServerMessage.line(id, hiding: key),
            path: "\(path)?contextId=\(id.percentEncoded)",
            priority: priority
        )
        let askedAt = clock.now()
        let response = try await send(call)
        state.withLock { $0.downloadURLPath = path }
        let object = try object(with: "url", in: response, call)
        let acceptsLoopback = configuration.baseURL.isLoopback
        guard let url = SignedURL(object, askedAt: askedAt, acceptsLoopback: acceptsLoopback) else {
            throw malformed(call, response, "no usable download URL")
        }
        return url
    }

    /// https, or plain http on this machine if the API is there, too.
    func isAcceptable(_ url: String) -> Bool {
        AbsoluteURL(url)?.isFit(acceptsLoopback: configuration.baseURL.isLoopback) ?? false
    }

    private static let downloadURLPaths = [
        "/api/v1/prompts/context/download-url", "/v1/prompts/context/download-url",
    ]
}
