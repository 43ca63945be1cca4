import ClaroAPI
import FUSE
import SystemPackage

/// Extended attributes, asked for only with the mount option `xattr`.
extension ClaroFileSystem {
    package func extendedAttribute(_ name: FileName, of inode: InodeNumber) async throws(Errno) -> [UInt8] {
        let attributes = try await extendedAttributes(of: inode)
        guard let value = attributes.first(where: { FileName($0.name) == name })?.value else { throw .noData }
        return Array(value.utf8)
    }

    package func extendedAttributeNames(of inode: InodeNumber) async throws(Errno) -> [FileName] {
        try await extendedAttributes(of: inode).map { FileName($0.name) }
    }

    private func extendedAttributes(of inode: InodeNumber) async throws(Errno) -> [(name: String, value: String)] {
        let node = try node(inode)
        guard let key = node.versionKey else {
            guard case .prompt(let prompt) = node else { return [] }
            return [("user.claro.package_name", prompt.description)]
        }
        let body = try await library.body(of: key)
        var attributes = [
            ("user.claro.package_name", key.packageName.description),
            ("user.claro.version", versionText(key, body)),
            ("user.claro.fetched_at", "\(body.fetchedAt.seconds)"),
        ]
        func add(_ name: String, _ value: String?) {
            if let value { attributes.append((name, value)) }
        }
        add("user.claro.id", body.id)
        add("user.claro.title", body.title)
        add("user.claro.stale", library.stale.cause(of: key.description))
        switch node {
        case .text(_, let file, _):
            add("user.claro.sha256", file.digest.hexadecimal)
            add("user.claro.file_name", file.originalName)
            add("user.mime_type", file.mimeType)
        case .attachment(_, let attachment):
            add("user.claro.file_name", attachment.originalName)
            add("user.mime_type", attachment.mimeType)
        default: break
        }
        return attributes
    }

    private func versionText(_ key: VersionKey, _ body: VersionBody) -> String {
        switch key.selector {
        case .version(let version): version.description
        case .latest: body.version?.description ?? "latest"
        }
    }
}
