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
        let printable = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: " "
            default: scalar
            }
        }
        // By its bytes: in a string, an accent behind the key would make its last character another one.
        let bytes = Array(String(String.UnicodeScalarView(printable)).utf8)
        let safe = bytes.replacing(Array(key.secret.utf8), with: Array("(key hidden)".utf8))
        let words = safe.split(separator: UInt8(ascii: " ")).joined(separator: " ".utf8)
        let line = String(decoding: Array(words), as: UTF8.self)
        guard line.unicodeScalars.count > lengthBound else { return line }
        return String(line.unicodeScalars.prefix(lengthBound)) + "…"
    }

    /// The beginning of a text that is neither JSON nor a web page.
    private static func plainText(_ body: [UInt8], isJSON: Bool) -> String {
        var beginning = body.prefix(1024)
        // A word that is cut could be half of the key.
        if beginning.count < body.count { beginning = beginning[..<(beginning.lastIndex { $0 <= 0x20 } ?? 0)] }
        let text = String(decoding: beginning, as: UTF8.self)
        return isJSON || text.drop(while: \.isWhitespace).first == "<" ? "" : text
    }

    /// Errors have some hundred bytes; a larger body is no message.
    private static let bodyBound = 64 << 10
    /// Characters of a line that somebody is to read.
    private static let lengthBound = 200
}
