import ClaroAPI
import Crypto
import FUSE
import SystemPackage

/// `claro.lock`: of each prompt the one version that is meant, with a hash of its texts, so that a mount or a build
/// has exactly those or none.
package struct LockFile: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        package let version: UInt32
        /// `TextsHash` of the version.
        package let hash: String

        package init(version: UInt32, hash: String) {
            self.version = version
            self.hash = hash
        }
    }

    package var entries: [PromptName: Entry] = [:]

    /// Of the file's form.
    private static let layout: Int64 = 1

    package init() {}

    /// - Throws: `Problem` where it is no such file.
    package init(parsing bytes: [UInt8]) throws(Problem) {
        guard let document = try? JSONValue.parse(bytes), case .object(let prompts)? = document["prompts"] else {
            throw Problem(description: "it is no lock file")
        }
        guard document["version"]?.integer == Self.layout else {
            throw Problem(description: "it is of a later release")
        }
        for member in prompts {
            guard let name = PromptName(member.key), let text = member.value["version"]?.text,
                case .published(let version)? = Version(text), let hash = member.value["sha256"]?.text,
                hash.utf8.count == 64, hash.allSatisfy({ $0.isASCII && $0.isHexDigit })
            else { throw Problem(description: "its entry of \(member.key) is not a version and a hash") }
            entries[name] = Entry(version: version, hash: hash.lowercased())
        }
    }

    package struct Problem: Error, CustomStringConvertible {
        package let description: String
    }

    /// As `jq -S .` prints it, so that it stays the same while the prompts do, and merges well.
    package var serialized: [UInt8] {
        let prompts = entries.map { name, entry in
            let members = [
                JSONValue.Member(key: "version", value: .string("v\(entry.version)")),
                JSONValue.Member(key: "sha256", value: .string(entry.hash)),
            ]
            return JSONValue.Member(key: name.description, value: .object(members))
        }
        return JSONValue.object([
            JSONValue.Member(key: "prompts", value: .object(prompts)),
            JSONValue.Member(key: "version", value: .number("\(Self.layout)")),
        ]).serialized()
    }

    /// The whole account, as far as a mount with this file is concerned.
    var listing: PromptListing {
        let prompts = entries.sorted { "\($0.key)" < "\($1.key)" }.map { name, entry in
            PromptSummary(name: name, version: .published(entry.version))
        }
        return PromptListing(prompts: prompts, pageCount: 0)
    }

    /// Whether a version may be served: no other, and not with variables, whose texts nobody has hashed.
    func allows(_ key: VersionKey) -> Bool {
        guard let entry = entries[key.prompt], key.variables.isEmpty else { return false }
        return key.selector == .latest || key.selector == .version(.published(entry.version))
    }

    /// Whether these are the texts that are meant.
    func accepts(_ body: VersionBody, as key: VersionKey) -> Bool {
        guard key.selector != .latest else { return false }
        return entries[key.prompt]?.hash == body.textsHash
    }
}

extension VersionBody {
    /// What `sha256sum *.md | sha256sum` prints in the version's directory, in the C locale.
    var textsHash: String {
        let lines = texts.sorted { $0.name < $1.name }.map { "\($0.digest.hexadecimal)  \($0.name)\n" }
        return SHA256.hash(data: Array(lines.joined().utf8)).hexadecimal
    }
}
