import ClaroAPI
import GRDB
import Glibc

/// Bytes that the cache takes on disk.
struct CacheUsage: Sendable {
    let attachments: Int64
    let texts: Int64

    var total: Int64 { attachments + texts }
}

/// How far the cache has to shrink.
struct CacheBounds: Sendable {
    /// The most that it may take.
    let byteCount: Int64
    /// Bytes that its disk lacks; not positive: none.
    let shortage: Int64

    func excess(of usage: CacheUsage) -> Int64 { max(usage.total - byteCount, shortage) }
}

/// How much is stored, and what of it was used longest ago.
extension CacheDatabase {
    /// Kept up to date by the database itself, so that it costs the same however much is stored.
    var usage: CacheUsage { read { try Self.usage(in: $0) } ?? CacheUsage(attachments: 0, texts: 0) }

    /// Counts what is there, at the cost of going through all of it.
    func recountUsage() {
        write {
            try $0.execute(
                sql: """
                    UPDATE usage SET
                        attachments = (SELECT CAST(total(byte_count) AS INTEGER) FROM chunk),
                        texts = (SELECT CAST(total(byte_count) AS INTEGER) FROM version)
                    """
            )
        }
    }

    /// Evicts in one transaction, used longest ago first: attachments; then texts, as far as it is not attachments in use
    /// that take the room.
    ///
    /// Sizes of attachments stay known. Who has such a file open keeps it.
    ///
    /// - Parameters:
    ///   - bounds: What to come down to.
    ///   - standing: Of an attachment; asked in the order of eviction, until enough go or are about to.
    ///   - losing: Is told of each version before it goes.
    /// - Returns: The attachments that are stored no longer.
    func evict(
        to bounds: CacheBounds,
        standing: (BlobName) -> Evictor.Standing,
        losing: (PackageName, StoredVersion) -> Void
    ) -> [BlobName] {
        var isShort = false
        let evicted: [BlobName]? = write { database in
            var missing = bounds.excess(of: try Self.usage(in: database))
            let evicted = try Self.evictAttachments(&missing, in: database, standing)
            let left = try Self.usage(in: database)
            let excess = left.texts - bounds.byteCount
            isShort = left.attachments == 0 && missing > excess
            try Self.evictTexts(isShort ? missing : excess, in: database, losing)
            return evicted
        }
        for name in evicted ?? [] { unlink("\(directory)/\(name)") }
        if isShort {
            shrink()
            warn("less than min_free is free on its disk, and it has nothing else to give")
        }
        return evicted ?? []
    }

    private static func usage(in database: Database) throws -> CacheUsage {
        let statement = try database.cachedStatement(sql: "SELECT attachments, texts FROM usage")
        guard let row = try Row.fetchOne(statement) else { throw DamagedRow() }
        return CacheUsage(attachments: try row.byteCount(0), texts: try row.byteCount(1))
    }

    private static func evictAttachments(
        _ missing: inout Int64,
        in database: Database,
        _ standing: (BlobName) -> Evictor.Standing
    ) throws -> [BlobName] {
        var evicted: [BlobName] = []
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT name, (SELECT CAST(total(byte_count) AS INTEGER) FROM chunk WHERE chunk.blob = blob.name)
                FROM blob WHERE used IS NOT NULL ORDER BY used
                """
        )
        while missing > 0, let row = try rows.next() {
            let name = BlobName(description: try row.decode(atIndex: 0))
            let standing = standing(name)
            guard standing != .inUse else { continue }
            if standing == .idle { evicted.append(name) }
            missing -= try row.byteCount(1)
        }
        for name in evicted {
            try database.execute(
                literal: """
                    DELETE FROM chunk WHERE blob = \(name.description);
                    UPDATE blob SET used = NULL WHERE name = \(name.description)
                    """
            )
        }
        return evicted
    }

    private static func evictTexts(
        _ byteCount: Int64,
        in database: Database,
        _ losing: (PackageName, StoredVersion) -> Void
    ) throws {
        var missing = byteCount
        var evicted: [Int64] = []
        let rows = try Row.fetchCursor(database, sql: "SELECT rowid, byte_count FROM version ORDER BY used")
        while missing > 0, let row = try rows.next() {
            evicted.append(try row.decode(atIndex: 0))
            missing -= try row.byteCount(1)
        }
        for number in evicted {
            let row = try Row.fetchOne(database, sql: "SELECT * FROM version WHERE rowid = ?", arguments: [number])
            if let row, let name = try PackageName(row.decode(String.self, forColumn: "name")) {
                if let version = try? StoredVersion(row, of: name) { losing(name, version) }
            }
            try database.execute(literal: "DELETE FROM version WHERE rowid = \(number)")
        }
    }
}

extension Row {
    /// Not negative, and no larger than any disk: such numbers can be added and subtracted.
    fileprivate func byteCount(_ column: Int) throws -> Int64 {
        Swift.min(Swift.max(0, try decode(atIndex: column)), 1 << 56)
    }
}
