import ClaroAPI
import FUSE

/// A place in a library's tree as a person names it: `@acme`, `@acme/customer-support:v2/content.md`, or the same with
/// slashes all along.
package enum LibraryPath: Equatable, Sendable, CustomStringConvertible {
    case root
    case namespace(String)
    case prompt(PromptName)
    case version(VersionKey)
    case file(VersionKey, FileName)
    case context(VersionKey)
    case contextFile(VersionKey, FileName)

    /// Fails on what no rule allows; such a name costs no request.
    package init?(_ text: String) {
        var names = text.split(separator: "/").map(String.init)[...]
        guard let namespace = names.popFirst() else {
            self = .root
            return
        }
        guard namespace.first == "@", PromptName.fitsGrammar(namespace.dropFirst()) else { return nil }
        guard let name = names.popFirst() else {
            self = .namespace(String(namespace.dropFirst()))
            return
        }
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let prompt = PromptName(namespace: namespace.dropFirst(), slug: parts[0]) else { return nil }
        guard let version = parts.count == 2 ? String(parts[1]) : names.popFirst() else {
            self = .prompt(prompt)
            return
        }
        guard let path = VersionPath(version) else { return nil }
        self.init(in: VersionKey(prompt, path.selector, variables: path.variables), names)
    }

    private init?(in key: VersionKey, _ names: ArraySlice<String>) {
        switch (names.first, names.dropFirst().first, names.count) {
        case (nil, _, _): self = .version(key)
        case ("context"?, nil, _): self = .context(key)
        case ("context"?, let name?, 2): self = .contextFile(key, FileName(name))
        case (let name?, nil, _): self = .file(key, FileName(name))
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .root: "the library"
        case .namespace(let name): "@\(name)"
        case .prompt(let name): "\(name)"
        case .version(let key): "\(key)"
        case .file(let key, let name): "\(key)/\(name)"
        case .context(let key): "\(key)/context"
        case .contextFile(let key, let name): "\(key)/context/\(name)"
        }
    }
}
