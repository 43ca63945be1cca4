import FlyingFox
import Foundation
import Synchronization

/// A request as the routes see it.
struct Received: Sendable {
    let operation: Operation
    let origin: Relay.Origin
    let path: String
    let query: [String: String]
    let headers: HTTPHeaders
    let body: [UInt8]
    /// The bearer token.
    let key: String?

    func header(_ name: String) -> String? { headers[HTTPHeader(name)] }
}

extension Emulator {
    /// Answers one request: logs it, makes it wait, lets a fault have it or answers in earnest.
    func respond(to request: HTTPRequest) async -> HTTPResponse {
        let body = (try? await request.bodyData).map { Array($0) } ?? []
        let port: UInt16
        if case .ip4(_, let peerPort)? = request.remoteAddress { port = peerPort } else { port = 0 }
        let received = receive(request, body: body, origin: relay.origin(ofConnectionFrom: port) ?? .api)

        let (requestID, latency) = state.withLock { state in
            state.requestCount += 1
            return ("req_" + String(state.requestCount), state.latency)
        }
        let entry = RequestLog.Entry(
            operation: received.operation,
            method: request.method.rawValue,
            target: request.target.rawValue,
            subject: subject(of: received),
            range: received.header("Range"),
            hasAuthorization: received.header("Authorization") != nil,
            requestID: requestID
        )
        let ticket = requests.add(entry)
        if latency > .zero { try? await Task.sleep(for: latency) }

        let (fault, clearingCount) = state.withLock { ($0.faults.take(for: entry), $0.clearingCount) }
        var (result, spoiler) = await answer(received, fault: fault, clearingCount)
        result.headers.append(("X-Request-Id", requestID))
        if let spoiler { relay.spoil(spoiler.spoiler, onConnectionFrom: port) }
        requests.finish(ticket, entry, status: spoiler?.leavesNoStatus == true ? nil : result.status)
        return result.response
    }

    /// Answers in earnest, whatever faults there are.
    func answerTruly(_ received: Received) -> Answer {
        refreshCatalog(received)
        switch received.operation {
        case .health: return Answer(status: 200, body: .json(["status": "ok"])).asJSON
        case .storage: return storage(received)
        case .unknown: return failure(404, "not_found", "No such path: \(received.path)")
        case .getPrompt, .listPrompts, .downloadURL: break
        }
        let configuration = self.configuration
        var limitHeaders: [(name: String, value: String)] = []
        if let limits = configuration.rateLimits {
            let verdict = count(received, limits: limits)
            limitHeaders = [
                ("X-RateLimit-Limit", String(verdict.limit)), ("X-RateLimit-Remaining", String(verdict.remaining)),
                ("X-RateLimit-Reset", String(verdict.resetAt)),
            ]
            if let seconds = verdict.retryAfter {
                var answer = rateLimited(retryAfter: seconds, form: configuration.retryAfter)
                answer.headers += limitHeaders
                return answer
            }
        }
        var answer = authorized(received) { received in
            switch received.operation {
            case .getPrompt: getPrompt(received)
            case .listPrompts: listPrompts(received)
            default: downloadURL(received)
            }
        }
        answer.headers += limitHeaders
        return answer
    }

    /// Looks at the directory again, as far as `received` is concerned with it.
    private func refreshCatalog(_ received: Received) {
        guard case .directory(let directory) = source else { return }
        let subject = subject(of: received) ?? ""
        var scope = LibraryDirectory.Scope.everything
        switch received.operation {
        case .health, .unknown: return
        case .listPrompts: break
        case .getPrompt:
            guard let reference = PackageReference(subject) else { return }
            scope = .prompt(namespace: reference.namespace, slug: reference.slug)
        case .downloadURL, .storage:
            if let placed = state.withLock({ $0.catalog.item(id: subject) }) {
                scope = .prompt(namespace: placed.namespace, slug: placed.slug)
            }
        }
        guard let (generation, workspace) = directory.changes(in: scope) else { return }
        let catalog = Catalog(workspace)
        state.withLock { state in
            guard generation > state.directoryGeneration else { return }
            state.directoryGeneration = generation
            state.catalog = catalog
        }
    }

    private func receive(_ request: HTTPRequest, body: [UInt8], origin: Relay.Origin) -> Received {
        var path = request.target.path()
        let prefix = configuration.pathPrefix
        if !prefix.isEmpty, path.hasPrefix(prefix + "/") { path.removeFirst(prefix.count) }
        let authorization = request.headers[.authorization]?.split(separator: " ", maxSplits: 1)
        let isBearer = authorization?.first?.lowercased() == "bearer"
        return Received(
            operation: operation(request.method, path: path, origin: origin),
            origin: origin,
            path: path,
            query: FormQuery.parse(request.target.query()),
            headers: request.headers,
            body: body,
            key: isBearer ? authorization?.dropFirst().first.map { $0.trimmingCharacters(in: .whitespaces) } : nil
        )
    }

    private func operation(_ method: HTTPMethod, path: String, origin: Relay.Origin) -> Operation {
        if origin == .storage { return method == .GET && path.hasPrefix("/files/") ? .storage : .unknown }
        let downloadPaths = configuration.downloadURLPaths
        switch (method, path) {
        case (.POST, "/v1/prompts/get"): return .getPrompt
        case (.GET, "/v1/prompts"): return .listPrompts
        case (.GET, "/api/v1/prompts/context/download-url") where downloadPaths.contains(.api): return .downloadURL
        case (.GET, "/v1/prompts/context/download-url") where downloadPaths.contains(.plain): return .downloadURL
        case (.GET, "/v1/health"), (.GET, "/health"): return .health
        default: return .unknown
        }
    }

    private func subject(of received: Received) -> String? {
        switch received.operation {
        case .getPrompt: (try? JSON.parse(received.body))?["package_name"]?.string
        case .downloadURL: received.query["contextId"]
        case .storage:
            received.path.split(separator: "/").dropFirst().first.flatMap { String($0).removingPercentEncoding }
        case .listPrompts, .health, .unknown: nil
        }
    }
}

// MARK: Access

extension Emulator {
    private func authorized(_ received: Received, _ body: (Received) -> Answer) -> Answer {
        guard let key = received.key, !key.isEmpty else { return failure(401, "unauthorized", "API key is missing") }
        if case .only(let keys) = configuration.keys, !keys.contains(key) {
            return failure(401, "unauthorized", "API key is invalid")
        }
        return body(received)
    }

    private func count(_ received: Received, limits: Configuration.RateLimits) -> RateMeter.Verdict {
        let now = Int64(Date().timeIntervalSince1970)
        return state.withLock { $0.meter.count(received.key ?? "", limits: limits, now: now) }
    }

    private func mayReadDrafts(_ received: Received) -> (Bool, status: Int) {
        switch configuration.drafts {
        case .everyone: (true, 200)
        case .owners(let keys, let status): (keys.contains(received.key ?? ""), status)
        }
    }
}

// MARK: Prompts

extension Emulator {
    private func getPrompt(_ received: Received) -> Answer {
        guard let request = try? JSON.parse(received.body), let name = request["package_name"]?.string else {
            return failure(400, "validation_error", "package_name is required")
        }
        guard let reference = PackageReference(name) else {
            return failure(400, "validation_error", "Invalid package name: \(name)")
        }
        let (configuration, catalog) = state.withLock { ($0.configuration, $0.catalog) }
        if configuration.forbiddenNamespaces.contains(reference.namespace) {
            return failure(403, "forbidden", "No access to @\(reference.namespace)")
        }
        let notFound = failure(404, "not_found", "Prompt not found: \(name)")
        guard let prompt = catalog.prompt(reference.namespace, reference.slug) else { return notFound }

        let found: (number: Int, version: Workspace.Version)?
        switch reference.version {
        case .latest: found = prompt.latest
        case .published(let number): found = prompt.numberedVersions.last { $0.number == number }
        case .draft:
            let (isAllowed, status) = mayReadDrafts(received)
            guard isAllowed else {
                return status == 403 ? failure(403, "forbidden", "Drafts are their owner's") : notFound
            }
            found = prompt.draft.map { (0, $0) }
        case .unknown: found = nil
        }
        guard let (number, version) = found else { return notFound }
        if version.isArchived, configuration.archivedVersions == .notFound { return notFound }
        if let body = version.body { return Answer(status: 200, body: .bytes(body)).asJSON }

        var variables: [String: String] = [:]
        for member in request["variables"]?.members ?? [] {
            variables[member.name] = member.value.string ?? String(decoding: member.value.encoded, as: UTF8.self)
        }
        let shape = PromptObject(configuration: configuration, namespace: reference.namespace, prompt: prompt)
        let object = shape.whole(
            version,
            number: number,
            askedForLatest: reference.version == .latest,
            variables: variables
        )
        return withETag(object, received)
    }

    /// The ETag leaves `generatedAt` out, or it would never match.
    private func withETag(_ object: JSON, _ received: Received) -> Answer {
        guard configuration.sendsETags else { return success(object) }
        let metadata = object["metadata"]?.overridden(by: ["generatedAt": .none])
        let stable = object.overridden(by: metadata.map { ["metadata": $0] } ?? [:])
        let etag = "\"\(StableHash.text(String(decoding: stable.encoded, as: UTF8.self)))\""
        let isMatch = received.header("If-None-Match").map { $0 == "*" || $0.contains(etag) } ?? false
        var answer = isMatch ? Answer(status: 304) : success(object)
        answer.headers.append(("ETag", etag))
        return answer
    }

    private func listPrompts(_ received: Received) -> Answer {
        let (configuration, catalog) = state.withLock { ($0.configuration, $0.catalog) }
        var limit = configuration.defaultPageSize
        if let text = received.query["limit"] {
            guard let number = Int(text), (1...100).contains(number) else {
                return failure(400, "validation_error", "limit must be between 1 and 100")
            }
            limit = number
        }
        var start = 0
        if let cursor = received.query["cursor"], !cursor.isEmpty {
            guard let offset = PageCursor.offset(of: cursor) else {
                return failure(400, "validation_error", "Invalid cursor")
            }
            start = offset
        }
        let draftsShown = mayReadDrafts(received).0
        let (items, hasMore) = page(start..<start + limit, of: catalog, configuration, draftsShown: draftsShown)
        let isCamelCase = configuration.pageSpelling == .camelCase
        let cursor = hasMore ? PageCursor.text(forOffset: start + items.count) : nil
        return success([
            "prompts": .array(items),
            (isCamelCase ? "cursor" : "next_cursor"): .optional(cursor),
            (isCamelCase ? "hasMore" : "has_more"): .bool(hasMore),
        ])
    }

    /// The listing's items at these positions, and whether there are more behind them.
    private func page(
        _ positions: Range<Int>,
        of catalog: Catalog,
        _ configuration: Configuration,
        draftsShown: Bool
    ) -> (items: [JSON], hasMore: Bool) {
        var items: [JSON] = []
        var position = 0
        // By index: a prompt that is passed over is not copied.
        for index in catalog.listed.indices {
            if configuration.forbiddenNamespaces.contains(catalog.listed[index].namespace) { continue }
            let count = catalog.listed[index].itemCount(
                everyVersion: configuration.listsEveryVersion,
                draftsShown: draftsShown
            )
            if count > 0, position >= positions.upperBound { return (items, true) }
            if position + count > positions.lowerBound {
                let made = self.items(of: catalog.listed[index], configuration, draftsShown: draftsShown)
                items += made.enumerated().filter { positions.contains(position + $0.offset) }.map(\.element)
            }
            position += count
        }
        return (items, position > positions.upperBound)
    }

    private func items(of listed: Catalog.Listed, _ configuration: Configuration, draftsShown: Bool) -> [JSON] {
        let prompt = listed.prompt
        var versions = configuration.listsEveryVersion ? prompt.numberedVersions : [prompt.latest].compactMap(\.self)
        if let draft = prompt.draft, draftsShown, versions.isEmpty || configuration.listsEveryVersion {
            versions.append((0, draft))
        }
        let shape = PromptObject(configuration: configuration, namespace: listed.namespace, prompt: prompt)
        return versions.map { shape.summary(number: $0.number, version: $0.version) }
    }
}

// MARK: Files

extension Emulator {
    private func downloadURL(_ received: Received) -> Answer {
        guard let id = received.query["contextId"], !id.isEmpty else {
            return failure(400, "validation_error", "contextId is required")
        }
        let (configuration, catalog) = state.withLock { ($0.configuration, $0.catalog) }
        guard let placed = catalog.item(id: id) else {
            return failure(404, "not_found", "Context not found: \(id)")
        }
        if configuration.forbiddenNamespaces.contains(placed.namespace) {
            return failure(403, "forbidden", "No access to this context")
        }
        guard case .file = placed.item.kind else {
            return failure(400, "validation_error", "Context item is not a file")
        }
        let lifetime = configuration.signedURLLifetime
        let signature = state.withLock { $0.signedURLs.sign(id, lifetime: lifetime) }
        let url = "\(storageURL)/files/\(FormQuery.encode(id))?signature=\(signature)"
        var object: JSON = ["url": .string(url)]
        if configuration.sendsSignedURLLifetime {
            object = object.overridden(by: ["expiresIn": .integer(lifetime.components.seconds)])
        }
        return success(object)
    }

    /// The storage host: it knows signatures, not keys, and speaks no JSON.
    private func storage(_ received: Received) -> Answer {
        let (configuration, catalog) = state.withLock { ($0.configuration, $0.catalog) }
        let id = subject(of: received) ?? ""
        let isValid = state.withLock { state in
            state.signedURLs.redeem(received.query["signature"] ?? "", for: id, once: configuration.signedURLsWorkOnce)
        }
        guard isValid else { return plain(403, "The signature is wrong, used up or expired.\n") }
        guard case .file(_, let mimeType, let attachment)? = catalog.item(id: id)?.item.kind else {
            return plain(404, "There is no such file.\n")
        }
        let total = attachment.byteCount
        var answer = Answer(status: 200, headers: [("Content-Type", mimeType)])
        answer.isChunked = configuration.storageFraming == .chunked
        answer.body = .attachment(attachment, 0..<total)
        guard configuration.acceptsRanges else { return answer }
        answer.headers.append(("Accept-Ranges", "bytes"))
        switch ByteRange.parse(received.header("Range"), total: total) {
        case .whole: return answer
        case .unsatisfiable:
            var refusal = plain(416, "")
            refusal.headers.append(("Content-Range", "bytes */\(total)"))
            return refusal
        case .part(let range):
            answer.status = 206
            answer.body = .attachment(attachment, range)
            answer.headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(total)"))
            return answer
        }
    }
}
