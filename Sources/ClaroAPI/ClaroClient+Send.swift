import Synchronization

/// One call to the API, as `send` is asked for it.
struct APICall: Sendable {
    let operation: APIError.Operation
    let subject: String
    var method = HTTPRequest.Method.get
    /// Path below the base URL, with its query.
    let path: String
    var etag: String?
    var priority = Priority.interactive
    /// How long to wait for the rate limit in addition to the deadline.
    var patience: Duration = .zero
    var attemptBound = Int.max
}

extension ClaroClient {
    /// Sends one call and returns its answer, 2xx or an asked-for 304; all else is thrown.
    ///
    /// Breaker, then rate limit, then the transport; and again, where the retry policy says so and the deadline
    /// allows it.
    func send(_ call: APICall) async throws(APIError) -> HTTPResponse {
        let isProbe: Bool
        switch state.withLock({ [now = clock.now()] in $0.breaker.admit(at: now) }) {
        case .admitted: isProbe = false
        case .probe: isProbe = true
        case .refused(let code):
            throw call.error(code, cause: "the API is out of reach", attempts: 0, wasHeldBack: true)
        }
        do throws(APIError) {
            let response = try await sendAdmitted(call, attemptBound: isProbe ? 1 : call.attemptBound)
            settle(.alive, call, isProbe)
            return response
        } catch {
            settle(error.verdict, call, isProbe)
            throw error
        }
    }

    private func settle(_ verdict: CircuitBreaker.Verdict, _ call: APICall, _ isProbe: Bool) {
        let now = clock.now()
        state.withLock { $0.breaker.record(verdict, of: call.subject, wasProbe: isProbe, at: now) }
    }

    private func sendAdmitted(_ call: APICall, attemptBound: Int) async throws(APIError) -> HTTPResponse {
        var deadline = clock.now() + configuration.timeout
        var attempts = 0
        var hasReadKeyAgain = false
        while true {
            // `reserveAhead` has counted the first attempt of what nobody waits for.
            let isReserved = call.priority == .background && attempts == 0
            if !isReserved { try await waitForBudget(call, deadline: &deadline, attempts: attempts) }
            attempts += 1
            let key = key
            let failure: AttemptFailure
            switch await attempt(call, key: key, timeout: deadline - clock.now()) {
            case .success(let response):
                if (200..<300).contains(response.head.status) { return response }
                if response.head.status == 304, call.etag != nil { return response }
                if response.head.status == 401, !hasReadKeyAgain {
                    hasReadKeyAgain = true
                    // Another call may have read it in the meantime.
                    if keyHasChanged() || self.key != key { continue }
                }
                failure = self.failure(call, response, key: key, attempts: attempts)
            case .failure(let transportFailure):
                failure = self.failure(call, transportFailure, attempts: attempts)
            }
            guard let cause = failure.retryCause, attempts < attemptBound,
                let delay = retryPolicy.delay(after: attempts, cause, hint: failure.hint, random: clock.random()),
                clock.now() + delay < deadline + call.patience,
                !state.withLock({ $0.breaker.isOpen })
            else { throw failure.error }
            try await sleep(delay, call, attempts: attempts)
            if call.patience > .zero { deadline = max(deadline, clock.now() + configuration.timeout) }
        }
    }

    /// Returns when the rate limit allows one more request, which is then counted.
    private func waitForBudget(
        _ call: APICall,
        deadline: inout ContinuousClock.Instant,
        attempts: Int
    ) async throws(APIError) {
        let lastMoment = deadline + call.patience
        while true {
            let now = clock.now()
            guard let instant = state.withLock({ $0.limiter.reserve(.interactive, at: now) }) else { return }
            guard instant < lastMoment else {
                throw call.error(
                    .rateLimited,
                    cause: "the rate limit is used up for another \((instant - now).wholeSeconds) s",
                    attempts: attempts,
                    wasHeldBack: true
                )
            }
            try await sleep(instant - now, call, attempts: attempts)
            if call.patience > .zero { deadline = clock.now() + configuration.timeout }
        }
    }

    private func sleep(_ duration: Duration, _ call: APICall, attempts: Int) async throws(APIError) {
        do {
            try await clock.sleep(duration)
        } catch {
            throw call.error(.cancelled, cause: "cancelled", attempts: attempts)
        }
    }

    private func attempt(
        _ call: APICall,
        key: APIKey,
        timeout: Duration
    ) async -> Result<HTTPResponse, TransportFailure> {
        var fields = [(name: "Accept", value: "application/json")]
        if case .post = call.method { fields.append(("Content-Type", "application/json")) }
        if let etag = call.etag { fields.append(("If-None-Match", etag)) }
        let request = HTTPRequest(
            method: call.method,
            url: configuration.baseURL.description + call.path,
            key: key,
            fields: fields,
            body: .collected(bound: Self.bodyBound),
            priority: call.priority,
            isLocal: configuration.baseURL.isLoopback,
            timeout: timeout
        )
        begin(call.operation)
        do throws(TransportFailure) {
            let response = try await transport.perform(request)
            let (now, wallTime) = (clock.now(), clock.wallTime())
            state.withLock { state in
                state.limiter.note(response.head, at: now, wallTime: wallTime)
                state.end(call.operation, .status(response.head.status))
            }
            return .success(response)
        } catch {
            state.withLock { $0.end(call.operation, .failure(error.code)) }
            return .failure(error)
        }
    }

    private func failure(
        _ call: APICall,
        _ response: HTTPResponse,
        key: APIKey,
        attempts: Int
    ) -> AttemptFailure {
        let head = response.head
        let message = ServerMessage(body: response.body, hiding: key)
        let target = response.redirectURL.flatMap(AbsoluteURL.init)
        let error = call.error(
            APIError.Code(status: head.status),
            status: head.status,
            requestID: head.requestID.map { ServerMessage.line($0, hiding: key) },
            cause: target.map { ServerMessage.line("redirect to \($0.origin)\($0.path)", hiding: key) } ?? message.text,
            attempts: attempts
        )
        guard [429, 502, 503, 504].contains(head.status) else { return AttemptFailure(error: error) }
        let hint = RetryAfter.hint(in: head, body: message.document, wallTime: clock.wallTime())
        guard head.status == 429 else { return AttemptFailure(error: error, retryCause: .faultOnTheWay, hint: hint) }
        if let hint {
            let now = clock.now()
            state.withLock { $0.limiter.block(until: now + hint) }
        }
        return AttemptFailure(error: error, retryCause: .rateLimited, hint: hint)
    }

    /// The error for an answer with a good status that is not what was asked for.
    func malformed(_ call: APICall, _ response: HTTPResponse, _ reason: String) -> APIError {
        call.error(
            .malformed,
            status: response.head.status,
            requestID: response.head.requestID.map { ServerMessage.line($0, hiding: key) },
            cause: reason,
            attempts: 1
        )
    }

    /// The JSON of an answer. Where the object with `expectedKey` is wrapped in `{"data": …}`, that object: the API's
    /// pages disagree about the envelope.
    func object(
        with expectedKey: String,
        in response: HTTPResponse,
        _ call: APICall
    ) throws(APIError) -> JSONValue {
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue.parse(response.body)
        } catch {
            throw malformed(call, response, "\(error)")
        }
        if document[expectedKey] == nil, let data = document["data"], data.isObject { return data }
        guard document.isObject else { throw malformed(call, response, "not a JSON object") }
        return document
    }

    private func failure(_ call: APICall, _ failure: TransportFailure, attempts: Int) -> AttemptFailure {
        let error = call.error(failure.code, cause: failure.detail, attempts: attempts)
        let isWorthRetrying = failure.kind == .connectionLost || failure.kind == .truncated
        return AttemptFailure(error: error, retryCause: isWorthRetrying ? .faultOnTheWay : nil)
    }
}

/// Why one attempt failed, and what the retry policy needs to know of it.
private struct AttemptFailure {
    let error: APIError
    /// Nil if another attempt would come to the same.
    var retryCause: RetryPolicy.Cause?
    var hint: Duration?
}

extension APICall {
    func error(
        _ code: APIError.Code,
        status: Int? = nil,
        requestID: String? = nil,
        cause: String,
        attempts: Int,
        wasHeldBack: Bool = false
    ) -> APIError {
        APIError(
            code,
            operation,
            subject,
            status: status,
            requestID: requestID,
            cause: cause,
            attempts: attempts,
            wasHeldBack: wasHeldBack
        )
    }
}

extension APIError {
    fileprivate var verdict: CircuitBreaker.Verdict {
        if wasHeldBack { return .none }
        return switch code {
        case .unreachable: .unreachable
        case .timeout, .connectionLost, .serverFault: .faulty(code)
        case _ where status != nil: .alive
        default: .none
        }
    }
}

extension APIError.Code {
    /// For a status that is no success.
    init(status: Int) {
        self =
            switch status {
            case 401: .unauthorized
            case 403: .forbidden
            case 404: .notFound
            case 429: .rateLimited
            case 400..<500: .badRequest
            case 500...: .serverFault
            default: .malformed
            }
    }
}

extension TransportFailure {
    var code: APIError.Code {
        switch kind {
        case .unreachable: .unreachable
        case .connectionLost: .connectionLost
        case .tls: .tls
        case .timeout: .timeout
        case .cancelled: .cancelled
        case .truncated, .malformed, .stopped: .malformed
        case .overloaded: .rateLimited
        }
    }
}

extension HTTPHead {
    /// What servers and the proxies before them call a request in their logs.
    var requestID: String? {
        ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray"].lazy.compactMap { self[$0] }
            .first { !$0.isEmpty }
    }
}
