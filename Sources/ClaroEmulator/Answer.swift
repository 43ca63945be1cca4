import FlyingFox
import FlyingSocks
import Foundation

/// What is sent back, before it becomes FlyingFox's response.
struct Answer: Sendable {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: Body = .bytes([])
    /// Bytes a second and pieces a second; nil as fast as the client takes them.
    var pace: (bytesPerSecond: Int, piecesPerSecond: Int)?
    var isChunked = false

    enum Body: Sendable {
        case bytes([UInt8])
        case json(JSON)
        case attachment(Workspace.Attachment, Range<Int64>)
        /// `prefix`, so many times `filler`, `suffix`.
        case padded(prefix: [UInt8], filler: UInt8, count: Int64, suffix: [UInt8])
    }

    /// The whole body; only for those that are small.
    var bytes: [UInt8] {
        switch body {
        case .bytes(let bytes): bytes
        case .json(let json): json.encoded
        case .attachment(let attachment, let range): (try? attachment.read(range)) ?? []
        case .padded(let prefix, let filler, let count, let suffix):
            prefix + [UInt8](repeating: filler, count: Int(count)) + suffix
        }
    }

    var response: HTTPResponse {
        var fields = HTTPHeaders()
        for header in headers { fields.addValue(header.value, for: HTTPHeader(header.name)) }
        let code = HTTPStatusCode(status, phrase: Self.reasonPhrases[status] ?? "Status")
        return HTTPResponse(statusCode: code, headers: fields, body: bodySequence)
    }

    private var bodySequence: HTTPBodySequence {
        if pace == nil, !isChunked {
            switch body {
            case .bytes, .json:
                let data = Data(bytes)
                return HTTPBodySequence(data: data, suggestedBufferSize: max(data.count, 1))
            case .attachment, .padded: break
            }
        }
        let stream = BodyStream(body: streamable, pace: pace)
        if isChunked { return HTTPBodySequence(from: stream, suggestedBufferSize: BodyStream.blockSize) }
        return HTTPBodySequence(from: stream, count: Int(stream.byteCount), suggestedBufferSize: BodyStream.blockSize)
    }

    private var streamable: Body {
        guard case .json(let json) = body else { return body }
        return .bytes(json.encoded)
    }

    private static let reasonPhrases = [
        200: "OK", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified",
        307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
        404: "Not Found", 405: "Method Not Allowed", 410: "Gone", 416: "Range Not Satisfiable",
        429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
        504: "Gateway Timeout",
    ]
}

/// A body made block by block as the connection takes it.
struct BodyStream: AsyncBufferedSequence {
    typealias Element = UInt8

    static let blockSize = 256 << 10

    let body: Answer.Body
    let pace: (bytesPerSecond: Int, piecesPerSecond: Int)?

    var byteCount: Int64 {
        switch body {
        case .bytes(let bytes): Int64(bytes.count)
        case .json: 0
        case .attachment(_, let range): range.upperBound - range.lowerBound
        case .padded(let prefix, _, let count, let suffix): Int64(prefix.count + suffix.count) + count
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        fileprivate let stream: BodyStream
        private var offset: Int64 = 0

        fileprivate init(stream: BodyStream) { self.stream = stream }

        mutating func next() async throws -> UInt8? { try await nextBuffer(suggested: 1)?.first }

        mutating func nextBuffer(suggested count: Int) async throws -> Data? {
            let left = stream.byteCount - offset
            guard left > 0 else { return nil }
            var size = Swift.min(left, Int64(count))
            if let pace = stream.pace {
                size = Swift.min(size, Int64(Swift.max(1, pace.bytesPerSecond / pace.piecesPerSecond)))
                try await Task.sleep(for: .seconds(Double(size) / Double(pace.bytesPerSecond)))
            }
            defer { offset += size }
            return Data(try stream.read(offset..<offset + size))
        }
    }

    private func read(_ range: Range<Int64>) throws -> [UInt8] {
        switch body {
        case .bytes(let bytes): return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        case .json: return []
        case .attachment(let attachment, let whole):
            return try attachment.read(whole.lowerBound + range.lowerBound..<whole.lowerBound + range.upperBound)
        case .padded(let prefix, let filler, let count, let suffix):
            let head = Int64(prefix.count)
            return range.map { position in
                if position < head { return prefix[Int(position)] }
                return position < head + count ? filler : suffix[Int(position - head - count)]
            }
        }
    }
}
