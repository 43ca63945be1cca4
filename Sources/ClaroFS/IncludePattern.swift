import ClaroAPI

/// A part of an account to show: `@ns`, `@ns/prompt`, or `@ns/start*`.
package struct IncludePattern: Hashable, Sendable {
    /// Which of the namespace's prompts are meant.
    package enum Prompts: Hashable, Sendable {
        case all
        case named(String)
        case startingWith(String)
    }

    package let namespace: String
    package let prompts: Prompts

    /// Fails where a name breaks Claro's grammar, or a star stands elsewhere than at the end.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard text.hasPrefix("@"), parts.count <= 2, PromptName.fitsGrammar(parts[0].dropFirst()) else { return nil }
        namespace = String(parts[0].dropFirst())
        guard parts.count == 2, parts[1] != "*" else {
            prompts = .all
            return
        }
        let isPrefix = parts[1].hasSuffix("*")
        let slug = isPrefix ? parts[1].dropLast() : parts[1][...]
        guard PromptName.fitsGrammar(slug) else { return nil }
        prompts = isPrefix ? .startingWith(String(slug)) : .named(String(slug))
    }

    package func includes(_ name: PromptName) -> Bool {
        guard name.namespace == namespace else { return false }
        return switch prompts {
        case .all: true
        case .named(let slug): name.slug == slug
        case .startingWith(let prefix): name.slug.hasPrefix(prefix)
        }
    }
}
