import ClaroAPI
import GRDB
import Synchronization

/// When things were last used, which decides what is evicted first. It is written for many things at once; a process that
/// is killed takes some of it along.
extension CacheDatabase {
    enum Item: Hashable, Sendable {
        case version(PackageName)
        case attachment(BlobName)
    }

    /// So many are written together.
    private static let useBound = 256

    /// That something is used now.
    func noteUse(of item: Item) {
        let isFull = uses.withLock { uses in
            uses[item] = .now()
            return uses.count == Self.useBound
        }
        // Nobody has to wait for it.
        if isFull { Task { flushUses() } }
    }

    /// Writes what was noted.
    func flushUses() {
        let uses = uses.withLock { uses in
            defer { uses = [:] }
            return uses
        }
        guard !uses.isEmpty else { return }
        write { database in
            let version = try database.cachedStatement(sql: "UPDATE version SET used = ? WHERE name = ?")
            let attachment = try database.cachedStatement(
                sql: "UPDATE blob SET used = ? WHERE name = ? AND used IS NOT NULL"
            )
            for (item, time) in uses {
                switch item {
                case .version(let name): try version.execute(arguments: [time.sinceEpoch, name.description])
                case .attachment(let name): try attachment.execute(arguments: [time.sinceEpoch, name.description])
                }
            }
        }
    }
}
