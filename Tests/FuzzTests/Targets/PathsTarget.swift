import FUSE

@testable import ClaroAPI
@testable import ClaroFS

extension FuzzTarget {
    /// Names that callers look up: of prompts, of versions with variables, of files, and patterns of names.
    static let paths = FuzzTarget(
        name: "paths",
        sources: [
            "ClaroAPI/PackageName.swift", "ClaroFS/IncludePattern.swift", "ClaroFS/LibraryPath.swift",
            "ClaroFS/VersionKey.swift",
        ]
    ) { bytes in
        let text = bytes.text
        if let path = LibraryPath(text) { try checkPath(path) }
        if let path = VersionPath(text) { try checkVariables(path.variables) }
        if let name = PackageName(text) {
            try check(name.description == text, "a name is spelled in one way")
            try check(LibraryPath(text) == .version(VersionKey(name.prompt, name.selector)), "and is a path")
        }
        if let version = Version(text) {
            try check(version.description == text, "a version is spelled in one way")
            try check(version.number <= 999_999_999, "a version has nine digits at most")
        }
        if let name = PromptName(text) {
            try check("\(name)" == text && LibraryPath(text) == .prompt(name), "a prompt's name is a path")
            try check(IncludePattern(text)?.includes(name) == true, "and a pattern")
        }
        if let pattern = IncludePattern(text) {
            let inside = PromptName(
                namespace: pattern.namespace,
                slug: text.split(separator: "/").last?.filter { $0 != "*" } ?? ""
            )
            if let inside, pattern.prompts != .all {
                try check(pattern.includes(inside), "a pattern includes its name")
            }
            let outside = PromptName(namespace: pattern.namespace + "x", slug: "x")
            try check(outside.map(pattern.includes) != true, "and nothing elsewhere")
        }
    }

    private static func checkPath(_ path: LibraryPath) throws {
        switch path {
        case .root: break
        case .namespace(let name): try checkShown([FileName("@" + name)])
        case .prompt(let name): try check(LibraryPath("\(name)") == path, "a path reads as it is written")
        case .version(let key), .context(let key), .file(let key, _), .contextFile(let key, _):
            try checkVariables(key.variables)
            try check(LibraryPath(key.packageName.description) != nil, "a version is a path")
            guard key.variables.isEmpty else { return }
            try check(path == .context(key) || LibraryPath("\(path)") == path, "a path reads as it is written")
        }
    }

    private static func checkVariables(_ variables: [VersionKey.Variable]) throws {
        try check(Set(variables.map { Array($0.name.utf8) }).count == variables.count, "a variable has one value")
        try check(variables.allSatisfy { !$0.name.isEmpty }, "a variable has a name")
        let words = variables.map { "\($0.name.percentEncoded)=\($0.value.percentEncoded)" }
        let again = VersionPath((["latest"] + words).joined(separator: ","))
        try check(again?.variables == variables, "variables read as they are written")
    }
}
