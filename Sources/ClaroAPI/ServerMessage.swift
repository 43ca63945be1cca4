/// What an answer with an error status says in its body, made fit for a log.
struct ServerMessage {
    /// The body if it is JSON.
    let document: JSONValue?
    /// One line without control characters and without the key; empty if there is nothing to say.
    let text: String

    /// Accepts `{"error": {"message": …}}`, `{"error": "…"}`, `{"message": …}` and plain text.
    init(body: [UInt8], hiding key: APIKey) {
        document = body.count <= Self.bodyBound ? try? JSONValue.parse(body) : nil
        let error = document?["error"]
        let message = error?["message"]?.text ?? error?.text ?? document?["message"]?.text ?? error?["code"]?.text
        text = Self.line(message ?? Self.plainText(body, isJSON: document != nil), hiding: key)
    }

    /// One line of at most 200 characters that holds nothing secret.
    static func line(_ text: String, hiding key: APIKey) -> String {
        let printable = text.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                Character(" ")
            default: Character(scalar)
            }
        }
        let line = String(printable).replacing(key.secret, with: "(key hidden)")
        let words = line.split(separator: " ").joined(separator: " ")
        return words.count <= lengthBound ? words : words.prefix(lengthBound) + "…"
    }

    /// The beginning of a text that is neither JSON nor a web page.
    private static func plainText(_ body: [UInt8], isJSON: Bool) -> String {
        let text = String(decoding: body.prefix(1024), as: UTF8.self)
        return isJSON || text.drop(while: \.isWhitespace).first == "<" ? "" : text
    }

    private static let bodyBound = 64 << 10
    private static let lengthBound = 200
}
