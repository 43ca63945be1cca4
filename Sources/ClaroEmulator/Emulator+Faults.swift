/// A spoiler for the relay, and whether the client sees a status at all.
struct WireFault: Sendable {
    let spoiler: AnswerSpoiler
    let leavesNoStatus: Bool

    init(_ kind: AnswerSpoiler.Kind) {
        spoiler = AnswerSpoiler(kind)
        switch kind {
        case .cutBody, .reset(after: .headers): leavesNoStatus = false
        case .reset, .malformed, .silence: leavesNoStatus = true
        }
    }
}

extension Emulator {
    /// The answer to `received` as `fault`, taken after so many clearings, leaves it, and what the relay is to do to its bytes.
    func answer(_ received: Received, fault: Fault?, _ clearingCount: Int) async -> (Answer, WireFault?) {
        guard let fault else { return (answerTruly(received), nil) }
        switch fault {
        case .latency(let duration):
            try? await Task.sleep(for: duration)
            return (answerTruly(received), nil)
        case .hang:
            await hang(after: clearingCount)
            return (answerTruly(received), nil)
        case .reset(let part): return (answerTruly(received), WireFault(.reset(after: part)))
        case .cutBody(let count): return (answerTruly(received), WireFault(.cutBody(after: count)))
        case .malformedHTTP: return (answerTruly(received), WireFault(.malformed))
        case .noAnswer: return (answerTruly(received), WireFault(.silence))
        default: return (spoiltAnswer(received, fault), nil)
        }
    }

    private func spoiltAnswer(_ received: Received, _ fault: Fault) -> Answer {
        switch fault {
        case .status(let status, let headers, let body):
            var answer = failure(status)
            if let body {
                answer.body = .bytes(body)
                answer.headers.removeAll { header in
                    headers.keys.contains { $0.lowercased() == header.name.lowercased() }
                }
            }
            answer.headers += headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            return answer
        case .rateLimit(let seconds, let form):
            return rateLimited(retryAfter: seconds, form: form ?? configuration.retryAfter)
        case .redirect(let target, let status):
            return Answer(status: status, headers: [("Location", target)])
        case .body(let bytes, let contentType):
            return Answer(status: 200, headers: [("Content-Type", contentType)], body: .bytes(bytes))
        case .garbage:
            let noise = Workspace.Attachment.synthetic(seed: 0xBAD, byteCount: 512)
            return Answer(status: 200, body: .attachment(noise, 0..<512)).asJSON
        case .wrongContentType:
            let page = "<!DOCTYPE html><title>Sign in</title><h1>Sign in to use this network</h1>\n"
            return Answer(status: 200, headers: [("Content-Type", "text/html")], body: .bytes(Array(page.utf8)))
        case .slowDrip(let bytesPerSecond, let piecesPerSecond):
            var answer = answerTruly(received)
            answer.pace = (max(1, bytesPerSecond), max(1, piecesPerSecond))
            return answer
        default:
            return mutilated(answerTruly(received), fault)
        }
    }

    /// The true answer, with its body changed.
    private func mutilated(_ answer: Answer, _ fault: Fault) -> Answer {
        var answer = answer
        switch fault {
        case .truncatedJSON:
            let bytes = answer.bytes
            answer.body = .bytes(Array(bytes.prefix(bytes.count / 2)))
        case .oversized(let byteCount): answer.body = padded(answer.body, to: byteCount)
        case .nesting(let depth):
            guard case .json(let object) = answer.body else { return answer }
            let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            answer.body = .json(object.overridden(by: ["nested": .raw(nested)]))
        case .loneSurrogate:
            guard case .json(let object) = answer.body else { return answer }
            answer.body = .json(object.withLoneSurrogate)
        default: break
        }
        return answer
    }

    /// An object gets a member `padding`; a file gets zeros at its end.
    private func padded(_ body: Answer.Body, to byteCount: Int64) -> Answer.Body {
        switch body {
        case .json(let object):
            let prefix = Array(object.encoded.dropLast()) + Array(#","padding":""#.utf8)
            let suffix = Array(#""}"#.utf8)
            let count = max(0, byteCount - Int64(prefix.count + suffix.count))
            return .padded(prefix: prefix, filler: UInt8(ascii: "x"), count: count, suffix: suffix)
        case .attachment(let attachment, let range) where range.count < byteCount:
            let bytes = (try? attachment.read(range)) ?? []
            return .padded(prefix: bytes, filler: 0, count: byteCount - Int64(bytes.count), suffix: [])
        default: return body
        }
    }
}

extension JSON {
    /// The object with half a surrogate pair in `content`, or else in the first prompt's title.
    fileprivate var withLoneSurrogate: JSON {
        let half = JSON.raw(#""\ud800""#)
        if let data = self["data"] { return overridden(by: ["data": data.withLoneSurrogate]) }
        if self["content"] != nil { return overridden(by: ["content": half]) }
        guard case .array(var prompts)? = self["prompts"], let first = prompts.first else { return self }
        prompts[0] = first.overridden(by: ["title": half])
        return overridden(by: ["prompts": .array(prompts)])
    }
}
