import ClaroAPI
import Glibc

/// The part of a library that is mounted: `@acme`, `@acme/support-*`, several of them, or everything.
package struct Include: Sendable, Equatable {
    private struct Pattern: Sendable, Equatable {
        let namespace: String
        /// A pattern of the shell's kind; nil: every prompt.
        let slug: String?
    }

    private let patterns: [Pattern]

    package static let everything = Include(patterns: [])

    private init(patterns: [Pattern]) { self.patterns = patterns }

    /// Reads `@ns[/prompt*]`, several separated by colons. Fails on anything else.
    package init?(_ text: String) {
        var patterns: [Pattern] = []
        for part in text.split(separator: ":", omittingEmptySubsequences: false) {
            guard part.first == "@" else { return nil }
            let names = part.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(names.count), PromptName.fitsGrammar(names[0]) else { return nil }
            guard names.count == 2 else {
                patterns.append(Pattern(namespace: String(names[0]), slug: nil))
                continue
            }
            guard PromptName.fitsGrammar(names[1].filter { $0 != "*" && $0 != "?" }) || names[1].contains("*") else {
                return nil
            }
            patterns.append(Pattern(namespace: String(names[0]), slug: String(names[1])))
        }
        self.init(patterns: patterns)
    }

    func contains(_ prompt: PromptName) -> Bool {
        patterns.isEmpty
            || patterns.contains { pattern in
                pattern.namespace == prompt.namespace && (pattern.slug.map { fnmatch($0, prompt.slug, 0) == 0 } ?? true)
            }
    }

    /// Whether prompts of this namespace can be among them.
    func mayContain(namespace: String) -> Bool {
        patterns.isEmpty || patterns.contains { $0.namespace == namespace }
    }
}
