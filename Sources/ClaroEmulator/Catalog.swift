/// A workspace made ready to answer from: ids given, prompts found by name, files by id.
struct Catalog: Sendable {
    let workspace: Workspace
    /// Every prompt in the listing's order.
    private(set) var listed: [Listed] = []
    private var promptPositions: [String: (namespace: Int, prompt: Int)] = [:]
    private var items: [String: Placed] = [:]

    /// A prompt with the namespace it is in.
    struct Listed: Sendable {
        let namespace: String
        let prompt: Workspace.Prompt
        private let publishedCount: Int
        private let hasLatest: Bool

        init(_ prompt: Workspace.Prompt, in namespace: String) {
            self.namespace = namespace
            self.prompt = prompt
            publishedCount = prompt.versions.count
            hasLatest = prompt.latest != nil
        }

        /// How many items of the listing it has; counted ahead, because a page is behind all items of those before it.
        func itemCount(everyVersion: Bool, draftsShown: Bool) -> Int {
            let published = everyVersion ? publishedCount : hasLatest ? 1 : 0
            let showsDraft = draftsShown && (published == 0 || everyVersion) && prompt.draft != nil
            return published + (showsDraft ? 1 : 0)
        }
    }

    /// A context item with the prompt that it belongs to.
    struct Placed: Sendable {
        let item: Workspace.ContextItem
        let namespace: String
        let slug: String
    }

    init(_ workspace: Workspace) {
        self.workspace = workspace
        for (outer, namespace) in workspace.namespaces.enumerated() {
            for (inner, prompt) in namespace.prompts.enumerated() {
                promptPositions["\(namespace.name)/\(prompt.slug)"] = (outer, inner)
                listed.append(Listed(prompt, in: namespace.name))
                for version in prompt.versions + [prompt.draft].compactMap(\.self) {
                    for item in version.context {
                        let id = item.resolvedID(in: namespace.name, prompt.slug)
                        items[id] = Placed(item: item, namespace: namespace.name, slug: prompt.slug)
                    }
                }
            }
        }
    }

    func prompt(_ namespace: String, _ slug: String) -> Workspace.Prompt? {
        promptPositions["\(namespace)/\(slug)"].map { workspace.namespaces[$0.namespace].prompts[$0.prompt] }
    }

    func item(id: String) -> Placed? { items[id] }
}

extension Workspace.Prompt {
    func resolvedID(in namespace: String) -> String {
        id ?? "pmt_" + StableHash.text("\(namespace)/\(slug)")
    }
}

extension Workspace.ContextItem {
    /// The item's own id, or one that is the same for the same beginning and size under the same name in every version
    /// of a prompt.
    func resolvedID(in namespace: String, _ slug: String) -> String {
        if let id { return id }
        var hash = StableHash()
        hash.add("\(namespace)/\(slug)/".utf8)
        switch kind {
        case .other(let object):
            hash.add(object.encoded)
        case .url(let address, _):
            hash.add("url \(label ?? "") \(address)".utf8)
        case .file(let name, _, .bytes(let bytes)):
            hash.add("file \(name) \(bytes.count) ".utf8)
            hash.add(bytes.prefix(4_096))
        case .file(let name, _, .synthetic(let seed, let byteCount)):
            hash.add("synthetic \(name) \(seed) \(byteCount)".utf8)
        case .file(let name, _, .contents(let path, let byteCount)):
            hash.add("contents \(name) \(path) \(byteCount)".utf8)
        }
        return "ctx_" + hash.text
    }
}

/// FNV-1a over 64 bits: the same in every process, unlike `Hasher`.
struct StableHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            value ^= UInt64(byte)
            value &*= 0x0000_0100_0000_01B3
        }
    }

    /// Sixteen hexadecimal digits.
    var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func text(_ string: String) -> String {
        var hash = StableHash()
        hash.add(string.utf8)
        return hash.text
    }
}
