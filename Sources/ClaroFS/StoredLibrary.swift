import ClaroAPI
import Crypto
import FUSE
import FoundationEssentials
import GRDB
import Glibc
import Logging
import SystemPackage

/// What a cache directory holds of one library: to look at, to check, to empty. Mounts may be using it meanwhile.
package struct StoredLibrary: Sendable {
    package struct Inventory: Sendable {
        package var publishedCount = 0
        package var draftCount = 0
        package var promptCount = 0
        /// When the listing was fetched; nil where there is none.
        package var listed: Timestamp?
        package var attachmentCount = 0
        /// Bytes of attachments that are there.
        package var attachmentByteCount: Int64 = 0
        package var databaseByteCount: Int64 = 0
    }

    /// What a check found.
    package struct Verification: Sendable {
        package var soundCount = 0
        /// What was not what was stored. It is gone, and fetched again when it is wanted.
        package var damaged: [String] = []
    }

    /// Stands for origin and key (`ClaroClient.cacheIdentity`).
    package let identity: String
    package let path: String
    private let database: CacheDatabase

    /// All libraries in a cache directory.
    package static func all(in directory: String, logger: Logger) -> [StoredLibrary] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.sorted().filter(isIdentity).compactMap { name in
            let path = "\(directory)/\(name)"
            guard access("\(path)/\(CacheDatabase.fileName)", F_OK) == 0 else { return nil }
            let database = CacheDatabase(directory: path, key: name, logger: logger)
            return StoredLibrary(identity: name, path: path, database: database)
        }
    }

    private static func isIdentity(_ name: String) -> Bool { name.utf8.count == 64 && name.allSatisfy(\.isHexDigit) }

    // MARK: Looking

    package var inventory: Inventory {
        var inventory = Inventory()
        inventory.databaseByteCount = databaseByteCount
        inventory.attachmentByteCount = database.usage.attachments
        inventory.listed = database.listingHead()?.fetched
        inventory.draftCount = count("version WHERE name LIKE '%:v0'")
        inventory.publishedCount = count("version") - inventory.draftCount
        inventory.promptCount = count("prompt")
        inventory.attachmentCount = count("blob WHERE EXISTS (SELECT 1 FROM chunk WHERE blob = name)")
        return inventory
    }

    private var databaseByteCount: Int64 {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        return database.read { try Int64.fetchOne($0, sql: sql) } ?? 0
    }

    private func count(_ rows: String) -> Int {
        database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(rows)") } ?? 0
    }

    // MARK: Checking

    /// What SQLite finds wrong with the database itself; nil: nothing.
    package func quickCheck() -> String? {
        let answer = database.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
        return answer == "ok" ? nil : answer ?? "it cannot be read"
    }

    /// Compares everything with the digests that were stored with it. What is damaged is removed.
    package func verify() -> Verification {
        var verification = Verification()
        for name in names("SELECT name FROM version") {
            let isSound = PackageName(name).map { database.version($0) != nil } ?? false
            verification.note(name, isSound: isSound)
        }
        if database.listingHead() != nil { verification.note("the listing", isSound: database.prompts() != nil) }
        for name in names("SELECT DISTINCT blob FROM chunk") {
            verify(BlobName(description: name), &verification)
        }
        return verification
    }

    private func names(_ sql: String) -> [String] {
        database.read { try String.fetchAll($0, sql: sql) } ?? []
    }

    private func verify(_ name: BlobName, _ verification: inout Verification) {
        guard name.isWellFormed, let stored = database.blob(name), let file = openFile(name) else {
            database.removeChunks(nil, of: name)
            return verification.note("the attachment \(name)", isSound: false)
        }
        let damaged = stored.chunks.filter { number, digest in
            BlobFile.digest(ofChunk: number, byteCount: stored.byteCount, in: file) != digest
        }
        if !damaged.isEmpty { database.removeChunks(Array(damaged.keys), of: name) }
        verification.note("the attachment \(name)", isSound: damaged.isEmpty)
    }

    private func openFile(_ name: BlobName) -> OpenFile? {
        let options: FileDescriptor.OpenOptions = [.noFollow, .nonBlocking, .closeOnExec]
        return (try? FileDescriptor.open("\(path)/\(name)", .readOnly, options: options)).map(OpenFile.init)
    }

    // MARK: Emptying

    /// Removes everything that can be fetched again. Inode numbers stay what they are: mounts, backups and tools may know
    /// them.
    ///
    /// - Returns: Whether it is empty now.
    package func clear() -> Bool {
        let blobs = names("SELECT name FROM blob")
        let tables = ["listing", "prompt", "newest", "version", "absence", "chunk", "blob"]
        let isEmpty: Bool? = database.write { database in
            for table in tables { try database.execute(sql: "DELETE FROM \(table)") }
            return true
        }
        guard isEmpty == true else { return false }
        for name in blobs where BlobName(description: name).isWellFormed { unlink("\(path)/\(name)") }
        database.shrink()
        return true
    }
}

extension StoredLibrary.Verification {
    fileprivate mutating func note(_ subject: String, isSound: Bool) {
        if isSound { soundCount += 1 } else { damaged.append(subject) }
    }
}
