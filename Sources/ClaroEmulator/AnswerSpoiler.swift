/// What a fault below HTTP makes of an answer's bytes as they pass. Pure: bytes in, bytes and a verdict out.
struct AnswerSpoiler: Sendable {
    enum Kind: Sendable {
        case reset(after: Fault.AnswerPart)
        case cutBody(after: Int)
        case malformed
        case silence
    }

    struct Step {
        enum Then { case goOn, close, reset }
        var bytes: [UInt8]
        var then: Then
    }

    private let kind: Kind
    /// The answer's head as far as it has passed; complete once it ends with an empty line.
    private var head: [UInt8] = []
    private var isHeadComplete = false
    private var bodyByteCount = 0

    init(_ kind: Kind) { self.kind = kind }

    /// Whether the client is to be left waiting even when the server has done its part.
    var isSilent: Bool {
        if case .silence = kind { true } else { false }
    }

    mutating func pass(_ bytes: some Sequence<UInt8>) -> Step {
        switch kind {
        case .silence: return Step(bytes: [], then: .goOn)
        case .malformed:
            return Step(bytes: Array("HTTQ/9.9 two hundred fine\nnothing: more\u{0}\n\n".utf8), then: .close)
        case .reset(after: .nothing): return Step(bytes: [], then: .reset)
        case .reset(after: .status): return Step(bytes: Array(bytes.prefix(24)), then: .reset)
        case .reset(after: .headers): return upTo(0, of: bytes, then: .reset)
        case .cutBody(let limit): return upTo(limit, of: bytes, then: .close)
        }
    }

    /// The head and `limit` bytes of the body.
    private mutating func upTo(_ limit: Int, of bytes: some Sequence<UInt8>, then end: Step.Then) -> Step {
        var passed: [UInt8] = []
        for byte in bytes {
            if isHeadComplete {
                if bodyByteCount == limit { break }
                bodyByteCount += 1
            } else {
                head.append(byte)
                isHeadComplete = head.suffix(4).elementsEqual("\r\n\r\n".utf8)
            }
            passed.append(byte)
        }
        return Step(bytes: passed, then: isHeadComplete && bodyByteCount == limit ? end : .goOn)
    }
}
