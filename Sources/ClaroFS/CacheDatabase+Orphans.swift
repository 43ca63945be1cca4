import ClaroAPI
import GRDB
import Glibc

/// Files of attachments that no row knows: a daemon that is killed may leave one that it was downloading or evicting.
extension CacheDatabase {
    /// Seconds without a change after which no download can be writing into such a file.
    private static let orphanAge: Int64 = 86_400

    /// Removes them, at the cost of reading the directory.
    func removeOrphans() {
        let known: Set<String>? = read { database in
            try Set(String.fetchCursor(database, sql: "SELECT name FROM blob WHERE used IS NOT NULL"))
        }
        guard let known, let stream = opendir(directory) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard BlobName(description: name).isWellFormed, !known.contains(name) else { continue }
            var status = stat()
            let isThere = lstat("\(directory)/\(name)", &status) == 0
            if isThere, status.st_mtim.tv_sec + Int(Self.orphanAge) < Timestamp.now().seconds {
                unlink("\(directory)/\(name)")
            }
        }
    }
}

extension BlobName {
    var isWellFormed: Bool { description.utf8.count == 64 && description.allSatisfy(\.isHexDigit) }
}
