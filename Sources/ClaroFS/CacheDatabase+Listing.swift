import ClaroAPI
import Crypto
import FUSE
import FoundationEssentials
import GRDB

/// The listing, a row for each prompt. It belongs to the key that it was fetched with: to another it is not there.
extension CacheDatabase {
    /// What is known of the listing beside its prompts.
    struct ListingHead {
        let key: String
        let fetched: Timestamp
        let pageCount: Int
        /// Of the prompts.
        let promptsDigest: Data

        var digest: Data {
            CacheDatabase.digest(of: [key, fetched.sinceEpoch, pageCount, promptsDigest.base64EncodedString()])
        }
    }

    /// nil: there is no listing. Costs the same for any number of prompts.
    func listingHead() -> ListingHead? { read { try listingHead(in: $0) } }

    private func listingHead(in database: Database) throws -> ListingHead? {
        let statement = try database.cachedStatement(sql: "SELECT * FROM listing WHERE key = ?")
        guard let row = try Row.fetchOne(statement, arguments: [key]) else { return nil }
        let head = ListingHead(
            key: key,
            fetched: try row.time("fetched"),
            pageCount: try row.decode(forColumn: "pages"),
            promptsDigest: try row.decode(forColumn: "prompts_digest")
        )
        try row.verify(head.digest)
        return head
    }

    /// The whole listing, as it was stored.
    func prompts() -> (prompts: [Listing.Prompt], pageCount: Int, fetched: Timestamp)? {
        readAtOnce { database in
            guard let head = try listingHead(in: database) else { return nil }
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT \(Listing.Prompt.columns) FROM prompt ORDER BY inode"
            )
            var prompts: [Listing.Prompt] = []
            while let row = try rows.next() { prompts.append(try Listing.Prompt(row)) }
            guard head.promptsDigest == Self.digest(of: prompts) else { return nil }
            return (prompts, head.pageCount, head.fetched)
        }
    }

    /// Replaces the stored listing; rows that stay the same are not written again.
    ///
    /// Another key may see other prompts. With its first listing everything goes that is not bound to a published version:
    /// what the listing does not show is then asked for again before it is served.
    func save(_ listing: Listing, fetched: Timestamp) {
        write { database in
            if let previous = try String.fetchOne(database, sql: "SELECT key FROM listing"), previous != key {
                try database.execute(
                    sql: "DELETE FROM newest; DELETE FROM absence; DELETE FROM version WHERE name LIKE '%:v0'"
                )
            }
            let prompts = Dictionary(
                listing.namespaces.flatMap(\.prompts).map { (Int64($0.inode.rawValue), $0) },
                uniquingKeysWith: { first, _ in first }
            )
            var stored: Set<Int64> = []
            var unchanged: Set<Int64> = []
            let rows = try Row.fetchCursor(database, sql: "SELECT \(Listing.Prompt.columns) FROM prompt")
            while let row = try rows.next() {
                let inode: Int64 = try row.decode(atIndex: 0)
                stored.insert(inode)
                // What is no prompt is written again.
                if let prompt = prompts[inode], let known = try? Listing.Prompt(row), prompt == known {
                    unchanged.insert(inode)
                }
            }
            let delete = try database.cachedStatement(sql: "DELETE FROM prompt WHERE inode = ?")
            for inode in stored where prompts[inode] == nil { try delete.execute(arguments: [inode]) }
            let insert = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO prompt (\(Listing.Prompt.columns))
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """
            )
            for (inode, prompt) in prompts where !unchanged.contains(inode) {
                try insert.execute(arguments: [
                    inode, prompt.name.namespace, prompt.name.slug, prompt.newest, prompt.isDraftKnown,
                    prompt.created?.sinceEpoch, prompt.changed?.sinceEpoch,
                ])
            }
            let head = ListingHead(
                key: key,
                fetched: fetched,
                pageCount: listing.pageCount,
                promptsDigest: Self.digest(of: Array(prompts.values))
            )
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO listing (id, key, fetched, pages, prompts_digest, digest)
                    VALUES (1, ?, ?, ?, ?, ?)
                    """,
                arguments: [key, fetched.sinceEpoch, head.pageCount, head.promptsDigest, head.digest]
            )
            return true
        }
    }

    private static func digest(of prompts: [Listing.Prompt]) -> Data {
        var hash = SHA256()
        for prompt in prompts.sorted(by: { $0.inode < $1.inode }) {
            let times = [prompt.created, prompt.changed].map { $0.map { "\($0.sinceEpoch)" } ?? "" }
            let newest = prompt.newest.map { "\($0)" } ?? ""
            let line = "\(prompt.inode) \(prompt.name) \(newest) \(prompt.isDraftKnown) \(times[0]) \(times[1])\n"
            hash.update(data: Data(line.utf8))
        }
        return Data(hash.finalize())
    }
}

extension Listing.Prompt {
    fileprivate static let columns = "inode, namespace, slug, newest, is_draft_known, created, changed"

    /// - Throws: what `CacheDatabase.isDamage` knows, for a row that cannot have been stored.
    fileprivate init(_ row: Row) throws {
        let inode: Int64 = try row.decode(atIndex: 0)
        let namespace: String = try row.decode(atIndex: 1)
        let slug: String = try row.decode(atIndex: 2)
        guard let name = PromptName(namespace: namespace, slug: slug), inode >= InodeTable.first else {
            throw CacheDatabase.DamagedRow()
        }
        self.init(
            name: name,
            inode: InodeNumber(rawValue: UInt64(inode)),
            newest: try row.decode(atIndex: 3),
            isDraftKnown: try row.decode(atIndex: 4),
            created: try row.decode(Int64?.self, atIndex: 5).map { Timestamp(sinceEpoch: $0) },
            changed: try row.decode(Int64?.self, atIndex: 6).map { Timestamp(sinceEpoch: $0) }
        )
    }
}
