import ClaroAPI
import SystemPackage

/// What `claro lock` writes and `claro verify` checks.
extension LibraryTree {
    /// The entry for a version as it is, or nil where nothing is published.
    ///
    /// - Throws: as `Library.body`.
    package func lockEntry(of key: VersionKey) async throws(Errno) -> LockFile.Entry? {
        let version: UInt32
        switch key.selector {
        case .version(.published(let number)): version = number
        case .version(.draft): return nil
        case .latest:
            guard case .published(let number) = try await newest(of: key.prompt) else { return nil }
            version = number
        }
        let body = try await body(of: VersionKey(key.prompt, .published(version)))
        return LockFile.Entry(version: version, hash: body.textsHash)
    }
}
