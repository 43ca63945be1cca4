import FUSE

@testable import ClaroAPI
@testable import ClaroFS

extension FuzzTarget {
    /// A version as the API sends it, as it is kept, and as it is shown.
    static let version = FuzzTarget(
        name: "version",
        sources: ["ClaroAPI/Prompt.swift", "ClaroFS/VersionBody.swift"]
    ) { bytes in
        guard let object = try? JSONValue.parse(bytes), object.isObject, let prompt = try? Prompt(object) else {
            return
        }
        let stored = Prompt(
            metadata: prompt.metadata.serialized(),
            content: prompt.content,
            systemPrompt: prompt.systemPrompt,
            critiquePrompt: prompt.critiquePrompt,
            etag: prompt.etag
        )
        try check(stored?.metadata.serialized() == prompt.metadata.serialized(), "what is kept is what came")
        try check(stored?.context == prompt.context && stored?.createdAt == prompt.createdAt, "as does what it means")

        let now = Timestamp(seconds: 1_800_000_000)
        let body = VersionBody(prompt, previous: nil, isPublished: true, fallbackTime: now, fetched: now)
        try checkShown(body.files.map(\.name) + ["context"])
        try checkShown(body.context.map(\.entry.name))
        try check(
            body.texts.allSatisfy { !$0.bytes.isEmpty || $0.name == "content.md" },
            "no text but the content is empty"
        )
        for file in body.textFiles {
            try check(file.modified > Timestamp(seconds: 0), "no time is zero or negative")
            try check(file.facts.byteCount == file.bytes.count, "a size is that of the bytes")
        }
        for file in [body.metadata, body.variables].compactMap(\.self) {
            try check((try? JSONValue.parse(file.bytes)) != nil, "\(file.name) is JSON")
        }
        for case .text(let file) in body.context.map(\.entry) where file.facts.mimeType == "application/x-mswinurl" {
            let lines = file.bytes.split(separator: UInt8(ascii: "\n"))
            try check(lines.count == 2 && !file.bytes.contains(UInt8(ascii: "\r")), "a shortcut has two lines")
        }

        let later = Timestamp(seconds: 1_900_000_000)
        let again = VersionBody(prompt, previous: body, isPublished: true, fallbackTime: later, fetched: later)
        try check(again.isSame(as: body) && again.modified == body.modified, "what is the same has not changed")
        try check(again.context.map(\.offset) == body.context.map(\.offset), "a name keeps its place in the directory")
    }
}
