/// One version of a prompt, with all that one request tells of it.
package struct Prompt: Sendable, Hashable {
    package let id: String?
    package let title: String?
    /// What the answer says it is; nil if it does not say, or not in the form `vN`.
    package let version: Version?
    package let isDraft: Bool
    /// The main text in UTF-8, as sent.
    package private(set) var content: [UInt8]
    /// Nil where absent, null or empty, which all mean the same.
    package private(set) var systemPrompt: [UInt8]?
    /// Like `systemPrompt`.
    package private(set) var critiquePrompt: [UInt8]?
    package let context: [ContextItem]
    package let createdAt: Timestamp?
    /// The API's object without the texts and `versionContent`; every other field is kept.
    package let metadata: JSONValue
    /// Only if the server sent one; no page of the API promises it.
    package var etag: String?

    /// Fields that are shown as files instead, or repeat those.
    private static let textFields = ["content", "systemPrompt", "critiquePrompt", "versionContent"]

    /// Reads the object of an answer.
    ///
    /// - Throws: `MalformedAnswer` where there is no content, or where one of the texts is not text.
    init(_ object: JSONValue) throws(MalformedAnswer) {
        guard case .string(let content)? = object["content"] else {
            throw MalformedAnswer(object["content"].isInvalidText ? "content is not valid Unicode" : "no content")
        }
        id = object["id"]?.text
        title = object["title"]?.text
        version = Version(apiValue: object["version"])
        isDraft = object["is_draft"]?.bool ?? object["isDraft"]?.bool ?? false || version == .draft
        self.content = Array(content.utf8)
        systemPrompt = try Self.optionalText("systemPrompt", of: object)
        critiquePrompt = try Self.optionalText("critiquePrompt", of: object)
        context = ContextItem.items(in: object["context"])
        createdAt = (object["metadata"]?["createdAt"] ?? object["createdAt"]).flatMap(Timestamp.init)
        metadata = object.removing(Self.textFields)
    }

    /// A prompt as it was kept: `metadata` as written from the property of that name. Nil where that is no JSON object.
    package init?(
        metadata: [UInt8],
        content: [UInt8],
        systemPrompt: [UInt8]?,
        critiquePrompt: [UInt8]?,
        etag: String?
    ) {
        guard let object = try? JSONValue.parse(metadata), case .object(let members) = object else { return nil }
        let text = JSONValue.Member(key: "content", value: .string(""))
        guard let prompt = try? Prompt(.object(members + [text])) else { return nil }
        self = prompt
        self.content = content
        self.systemPrompt = systemPrompt
        self.critiquePrompt = critiquePrompt
        self.etag = etag
    }

    private static func optionalText(_ name: String, of object: JSONValue) throws(MalformedAnswer) -> [UInt8]? {
        switch object[name] {
        case nil, .null, .string(""): return nil
        case .string(let text): return Array(text.utf8)
        case .invalidString: throw MalformedAnswer("\(name) is not valid Unicode")
        default: throw MalformedAnswer("\(name) is not a string")
        }
    }
}

/// An answer whose JSON does not mean what was asked for. The reason carries no content.
struct MalformedAnswer: Error {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

extension JSONValue? {
    fileprivate var isInvalidText: Bool {
        if case .invalidString = self { true } else { false }
    }
}

extension Version {
    /// Reads `"v3"`, `"3"` or `3`; nil for all else, also for `latest` and for versions with dots.
    init?(apiValue: JSONValue?) {
        switch apiValue {
        case .string(let text)?:
            guard let version = Version(text) ?? Version("v" + text) else { return nil }
            self = version
        case .number?:
            guard let number = apiValue?.integer, let version = Version("v\(number)") else { return nil }
            self = version
        default: return nil
        }
    }
}
