import CCurl
import Synchronization

/// One exchange on its way through the transport.
///
/// `@unchecked Sendable`: made by a task, which hands it to the transport's thread by a mutex and touches nothing but
/// `cancel()` (an atomic) afterwards; from then on all else belongs to that thread.
///
/// INVARIANT: the continuation is resumed exactly once, by `finish`.
final class Transfer: @unchecked Sendable {
    let request: HTTPRequest
    private let cancelled = Atomic(false)
    private var continuation: CheckedContinuation<Result<HTTPResponse, TransportFailure>, Never>?
    private let submittedAt = ContinuousClock.now
    /// When it was started, and since then, when the last byte came.
    private var lastActivity: ContinuousClock.Instant?

    private var head: HTTPHead?
    private var isHeadComplete = false
    private var headByteCount = 0
    private var body: [UInt8] = []
    /// Why this side broke off, which libcurl cannot know.
    private var brokenOff: TransportFailure?

    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let errorBuffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// Header fields of one answer altogether, in bytes; the API's have some 500. libcurl bounds only each line.
    private static let headByteBound = 64 << 10
    /// What a received body is first given room for on the server's word.
    private static let reservationBound: Int64 = 1 << 20

    init(_ request: HTTPRequest) {
        self.request = request
        errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_slist_free_all(headerList)
        errorBuffer.deallocate()
    }

    var isStreamed: Bool {
        if case .streamed = request.body { true } else { false }
    }

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func cancel() {
        cancelled.store(true, ordering: .releasing)
    }

    func prepare(_ continuation: CheckedContinuation<Result<HTTPResponse, TransportFailure>, Never>) {
        self.continuation = continuation
    }

    func finish(_ result: Result<HTTPResponse, TransportFailure>) {
        continuation.take()?.resume(returning: result)
    }

    /// When to give up. A streamed body has no end in time once it has begun, as long as bytes come.
    var deadline: ContinuousClock.Instant {
        guard let stallTimeout = request.stallTimeout, let lastActivity else { return submittedAt + request.timeout }
        return lastActivity + stallTimeout
    }

    var overdue: TransportFailure {
        guard let stallTimeout = request.stallTimeout, lastActivity != nil else {
            return TransportFailure(.timeout, "no answer within \(request.timeout.wholeSeconds) s")
        }
        return TransportFailure(.timeout, "not a byte for \(stallTimeout.wholeSeconds) s")
    }

    // MARK: The easy handle

    /// Sets up a new or reset handle. Its callbacks borrow this object, which the loop holds until `end`.
    func configure(_ easy: UnsafeMutableRawPointer, _ configuration: Transport.Configuration) {
        lastActivity = .now
        ccurl_set_string(easy, CURLOPT_URL, request.url)
        ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        ccurl_set_string(easy, CURLOPT_USERAGENT, configuration.userAgent)
        ccurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        // The deadline is the loop's; libcurl's own for connecting must not come before it.
        ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, 1 << 30)
        // No signals in a process with threads; and a hanging resolver must not hold up whoever gives it up.
        ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        ccurl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorBuffer)
        if request.isLocal { ccurl_set_string(easy, CURLOPT_NOPROXY, "*") }
        if let caFile = configuration.caFile {
            ccurl_set_string(easy, CURLOPT_CAINFO, caFile)
            // The storage host is often a public one beside a private API, so downloads trust both.
            if !isStreamed { ccurl_set_string(easy, CURLOPT_CAPATH, nil) }
        }
        if isStreamed {
            ccurl_set_long(easy, CURLOPT_BUFFERSIZE, 128 << 10)
        } else {
            // Whatever libcurl can decompress.
            ccurl_set_string(easy, CURLOPT_ACCEPT_ENCODING, "")
            // Rather share an HTTP/2 connection that is just being made than make 64. Without TLS there is no HTTP/2,
            // and libcurl would wait for the first answer to find that out.
            ccurl_set_long(easy, CURLOPT_PIPEWAIT, request.url.hasPrefix("https:") ? 1 : 0)
        }
        if case .post(let body) = request.method {
            ccurl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
            body.withUnsafeBytes { bytes in
                let text = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                _ = ccurl_set_string(easy, CURLOPT_COPYPOSTFIELDS, text)
            }
        }
        for field in request.fields { appendHeaderLine("\(field.name): \(field.value)") }
        if let key = request.key { appendHeaderLine("Authorization: Bearer \(key.secret)") }
        ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, headerList)
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_pointer(easy, CURLOPT_HEADERDATA, context)
        ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context)
        ccurl_set_function(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            Transfer.receive(bytes, size * count, context) { $0.receiveHeaderLine($1) }
        }
        ccurl_set_function(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            Transfer.receive(bytes, size * count, context) { $0.receiveBody($1) }
        }
    }

    private func appendHeaderLine(_ line: String) {
        headerList = curl_slist_append(headerList, line)
    }

    /// Frees what only the handle needed, the key's header line with it.
    func release() {
        curl_slist_free_all(headerList)
        headerList = nil
    }

    /// Calls one of the methods below for a libcurl callback; anything but `count` makes libcurl give up.
    private static func receive(
        _ bytes: UnsafeMutablePointer<CChar>?,
        _ count: Int,
        _ context: UnsafeMutableRawPointer?,
        _ body: (Transfer, UnsafeRawBufferPointer) -> TransportFailure?
    ) -> Int {
        guard let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        transfer.lastActivity = .now
        guard let failure = body(transfer, UnsafeRawBufferPointer(start: bytes, count: count)) else { return count }
        transfer.brokenOff = failure
        // For an empty piece of data, its own count would mean success.
        return count == 0 ? 1 : 0
    }

    // MARK: What comes in

    private func receiveHeaderLine(_ bytes: UnsafeRawBufferPointer) -> TransportFailure? {
        headByteCount += bytes.count
        guard headByteCount <= Self.headByteBound else {
            return TransportFailure(.malformed, "header fields too large")
        }
        let line = bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        if let nextHead = HTTPHead(statusLine: line) {
            head = nextHead
            isHeadComplete = false
        } else if line.isEmpty, !isHeadComplete {
            return completeHead()
        } else if !isHeadComplete {
            head?.append(line: line)
        }
        return nil
    }

    private func completeHead() -> TransportFailure? {
        guard let head, head.status >= 200 else { return nil }
        isHeadComplete = true
        let announced = head["content-length"].flatMap { Int64($0) }
        switch request.body {
        case .collected(let bound):
            guard announced ?? 0 <= Int64(bound) else { return Self.tooLarge }
            body.reserveCapacity(Int(min(announced ?? 0, Self.reservationBound)))
            return nil
        case .streamed(let onHead, _):
            return onHead(head) ? nil : TransportFailure(.stopped, "stopped")
        }
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> TransportFailure? {
        switch request.body {
        case .collected(let bound):
            guard bytes.count <= bound - body.count else { return Self.tooLarge }
            body.append(contentsOf: bytes)
            return nil
        case .streamed(_, let onBytes):
            return onBytes(bytes) ? nil : TransportFailure(.stopped, "stopped")
        }
    }

    private static let tooLarge = TransportFailure(.malformed, "the answer is too large")

    // MARK: How it ends

    /// What libcurl's result means.
    func result(_ easy: UnsafeMutableRawPointer, _ code: CURLcode) -> Result<HTTPResponse, TransportFailure> {
        if let brokenOff { return .failure(brokenOff) }
        guard code == CURLE_OK else { return .failure(failure(easy, code)) }
        guard let head, isHeadComplete else { return .failure(TransportFailure(.malformed, "no HTTP answer")) }
        var redirectURL: UnsafeMutablePointer<CChar>?
        ccurl_get_string(easy, CURLINFO_REDIRECT_URL, &redirectURL)
        return .success(HTTPResponse(head: head, body: body, redirectURL: redirectURL.map { String(cString: $0) }))
    }

    private func failure(_ easy: UnsafeMutableRawPointer, _ code: CURLcode) -> TransportFailure {
        var proxyStatus = 0
        ccurl_get_long(easy, CURLINFO_HTTP_CONNECTCODE, &proxyStatus)
        let general = String(cString: curl_easy_strerror(code))
        let specific = String(cString: errorBuffer)
        switch code {
        case _ where proxyStatus >= 300:
            return TransportFailure(.unreachable, "the proxy answered \(proxyStatus)")
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY:
            return TransportFailure(.unreachable, specific.isEmpty ? general : specific)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_CRL_BADFILE:
            return TransportFailure(.tls, specific.isEmpty ? general : specific)
        case CURLE_PARTIAL_FILE:
            return TransportFailure(.truncated, "the answer was cut off")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_HTTP2, CURLE_HTTP2_STREAM:
            return isHeadComplete
                ? TransportFailure(.truncated, "the answer was cut off")
                : TransportFailure(.connectionLost, "the connection broke: \(general)")
        case CURLE_OPERATION_TIMEDOUT:
            return TransportFailure(.timeout, general)
        default:
            return TransportFailure(.malformed, general)
        }
    }
}

extension Duration {
    /// Rounded to the nearest, for messages.
    var wholeSeconds: Int64 { (self + .milliseconds(500)).components.seconds }
}
