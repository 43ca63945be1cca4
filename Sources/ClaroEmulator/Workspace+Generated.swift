extension Workspace {
    /// A library for load tests, the same for the same arguments.
    ///
    /// - Parameters:
    ///   - prompts: How many in all, dealt out to the namespaces `load-0`, `load-1`, …; slugs are `prompt-00000`, ….
    ///   - versions: How many of each are published.
    ///   - seed: Chooses the words.
    ///   - namespaces: How many there are.
    ///   - textByteCount: The main text's size; every third prompt has a system text and every fifth a critique text of
    ///     a quarter of it.
    ///   - attachmentByteCount: Where not nil, the size of a synthetic attachment of a version.
    ///   - attachmentInterval: One prompt in so many has attachments, one in each version.
    /// - Returns: The library, whose drafts are none.
    package static func generated(
        prompts: Int,
        versions: Int,
        seed: UInt64 = 1,
        namespaces: Int = 1,
        textByteCount: Int = 2_048,
        attachmentByteCount: Int64? = nil,
        attachmentInterval: Int = 1
    ) -> Workspace {
        var workspace = Workspace((0..<namespaces).map { Namespace("load-\($0)") })
        for index in 0..<prompts {
            let digits = String(index)
            let slug = "prompt-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
            var prompt = Prompt(slug, title: "Prompt \(index)", category: "load", tags: ["generated"])
            prompt.createdAt = epoch + Int64(index) * 60_000
            for number in 1...max(1, versions) {
                var random = SplitMix64(seed: seed &+ UInt64(index) &* 1_000 &+ UInt64(number))
                let heading = "# \(slug) v\(number)\n"
                var version = Version(text(startingWith: heading, byteCount: textByteCount, &random))
                if index % 3 == 0 { version.system = text(startingWith: "", byteCount: textByteCount / 4, &random) }
                if index % 5 == 0 { version.critique = text(startingWith: "", byteCount: textByteCount / 4, &random) }
                version.createdAt = prompt.createdAt + Int64(number) * 1_000
                if let attachmentByteCount, index % attachmentInterval == 0 {
                    let attachment = Attachment.synthetic(seed: random.next(), byteCount: attachmentByteCount)
                    version.context = [.file("data.bin", attachment, id: "ctx_\(index)_\(number)")]
                }
                prompt.versions.append(version)
            }
            workspace.namespaces[index % namespaces].prompts.append(prompt)
        }
        return workspace
    }

    /// A library to measure with, the same for the same numbers: `@library` has `prompts` prompts of `versions` versions
    /// with about 4 KiB of text each, and 64 KiB attached to each version of every fiftieth prompt; `@large` has two
    /// prompts, `hundred-mebibytes` and `one-gibibyte`, with a `data.bin` of that size each.
    package static func measured(prompts: Int, versions: Int) -> Workspace {
        var workspace = generated(
            prompts: prompts,
            versions: versions,
            textByteCount: 4_096,
            attachmentByteCount: 64 << 10,
            attachmentInterval: 50
        )
        workspace.namespaces[0].name = "library"
        let sizes: [(slug: String, byteCount: Int64)] = [("hundred-mebibytes", 100 << 20), ("one-gibibyte", 1 << 30)]
        let large = sizes.map { slug, byteCount in
            let attachment = Attachment.synthetic(seed: UInt64(byteCount), byteCount: byteCount)
            let version = Version("A large file.", context: [.file("data.bin", attachment, id: "ctx_\(slug)")])
            return Prompt(slug, createdAt: epoch, versions: [version])
        }
        workspace.namespaces.append(Namespace("large", large))
        return workspace
    }

    /// Words in lines up to exactly `byteCount` bytes (or the heading alone, if that is longer).
    private static func text(startingWith heading: String, byteCount: Int, _ random: inout SplitMix64) -> String {
        var bytes = Array(heading.utf8)
        bytes.reserveCapacity(byteCount + 16)
        var column = 0
        while bytes.count < byteCount {
            let word = words[Int(random.next() % UInt64(words.count))]
            bytes += word.utf8
            column += word.utf8.count + 1
            bytes.append(column > 72 ? UInt8(ascii: "\n") : UInt8(ascii: " "))
            if column > 72 { column = 0 }
        }
        return String(decoding: bytes.prefix(max(byteCount, heading.utf8.count)), as: UTF8.self)
    }

    private static let words = [
        "answer", "attach", "before", "brief", "careful", "customer", "decide", "describe", "example", "explain",
        "following", "given", "however", "important", "list", "message", "never", "number", "only", "order", "please",
        "question", "quote", "reader", "reply", "sentence", "short", "summary", "text", "the", "then", "tone", "under",
        "verify", "when", "which", "without", "words", "write", "{{name:string}}",
        "{{topic:string // what it is about}}",
    ]
}
