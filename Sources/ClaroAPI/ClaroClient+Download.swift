import Synchronization

extension ClaroClient {
    /// Fetches a file, or a part of it, from the storage host, which never sees the API key.
    ///
    /// Ends when the body does, or when the receiver wants no more. Takes as long as bytes come. Until the receiver was
    /// given the head, a fault on the way is retried.
    ///
    /// A `range`, which must not be empty, is only asked for: a server may send the whole file all the same
    /// (`DownloadHead.status`).
    ///
    /// - Throws: `.signedURLRejected` where a new URL may help, `.timeout` if not a byte came for `downloadStall`,
    ///   `.malformed` where the body was cut off or is not the range.
    package func download(
        _ url: SignedURL,
        range: Range<Int64>? = nil,
        receiver: DownloadReceiver
    ) async throws(APIError) -> DownloadEnd {
        var address = url.absoluteString
        var attempts = 1
        var redirectCount = 0
        while true {
            let sink = DownloadSink(range: range, receiver: receiver)
            let failure: DownloadSink.Failure
            do throws(TransportFailure) {
                let response = try await perform(downloadRequest(address, range: range, sink: sink))
                if let end = sink.end(wasStopped: false) { return end }
                if let target = response.redirectURL, isAcceptable(target), redirectCount < Self.redirectBound {
                    redirectCount += 1
                    address = target
                    continue
                }
                failure = sink.failure(response.head, wallTime: clock.wallTime())
            } catch {
                if error.kind == .stopped, let end = sink.end(wasStopped: true) { return end }
                failure = sink.failure(error)
            }
            guard let cause = failure.retryCause,
                let delay = retryPolicy.delay(after: attempts, cause, hint: failure.hint, random: clock.random()),
                delay <= configuration.timeout, (try? await clock.sleep(delay)) != nil
            else { throw failure.error(url, attempts: attempts) }
            attempts += 1
        }
    }

    private func perform(_ request: HTTPRequest) async throws(TransportFailure) -> HTTPResponse {
        begin(.download)
        do throws(TransportFailure) {
            let response = try await transport.perform(request)
            state.withLock { $0.end(.download, .status(response.head.status)) }
            return response
        } catch {
            state.withLock { $0.end(.download, error.kind == .stopped ? nil : .failure(error.code)) }
            throw error
        }
    }

    private func downloadRequest(_ address: String, range: Range<Int64>?, sink: DownloadSink) -> HTTPRequest {
        // Ranges and sizes are those of the stored bytes, so they must come as they are stored.
        var fields = [(name: "Accept-Encoding", value: "identity")]
        if let range { fields.append(("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")) }
        return HTTPRequest(
            method: .get,
            url: address,
            key: nil,
            fields: fields,
            body: .streamed(onHead: sink.receive(head:), onBytes: sink.receive(bytes:)),
            priority: .interactive,
            isLocal: AbsoluteURL(address)?.isLoopback ?? false,
            timeout: configuration.timeout,
            stallTimeout: configuration.downloadStall
        )
    }

    /// Storage hosts redirect to a region, or from one name to another; more is a loop.
    private static let redirectBound = 5
}
