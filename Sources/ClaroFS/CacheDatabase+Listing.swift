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
            fetched: row.time("fetched"),
            pageCount: row["pages"],
            promptsDigest: row["prompts_digest"]
        )
        return row["digest"] == head.digest ? head : nil
    }

    /// The whole listing, as it was stored.
    func prompts() -> (prompts: [Listing.Prompt], pageCount: Int, fetched: Timestamp)? {
        read { database in
            guard let head = try listingHead(in: database) else { return nil }
            let rows = try Row.fetchCursor(
                database,
                sql:
                    "SELECT inode, namespace, slug, newest, is_draft_known, created, changed FROM prompt ORDER BY inode"
            )
            var prompts: [Listing.Prompt] = []
            while let row = try rows.next() {
                guard let name = PromptName(namespace: row[1] as String, slug: row[2] as String) else { continue }
                prompts.append(
                    Listing.Prompt(
                        name: name,
                        inode: InodeNumber(rawValue: UInt64(row[0] as Int64)),
                        newest: row[3],
                        isDraftKnown: row[4],
                        created: (row[5] as Int64?).map { Timestamp(sinceEpoch: $0) },
                        changed: (row[6] as Int64?).map { Timestamp(sinceEpoch: $0) }
                    )
                )
            }
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
                try database.execute(sql: "DELETE FROM newest; DELETE FROM version WHERE name LIKE '%:v0'")
            }
            var stored: Set<Int64> = []
            let known = try Row.fetchCursor(
                database,
                sql: "SELECT inode, newest, is_draft_known, created, changed FROM prompt"
            )
            var unchanged: Set<Int64> = []
            let prompts = Dictionary(
                listing.namespaces.flatMap(\.prompts).map { (Int64($0.inode.rawValue), $0) },
                uniquingKeysWith: { first, _ in first }
            )
            while let row = try known.next() {
                let inode: Int64 = row[0]
                stored.insert(inode)
                guard let prompt = prompts[inode], prompt.newest == row[1], prompt.isDraftKnown == row[2],
                    prompt.created?.sinceEpoch == row[3], prompt.changed?.sinceEpoch == row[4]
                else { continue }
                unchanged.insert(inode)
            }
            let delete = try database.cachedStatement(sql: "DELETE FROM prompt WHERE inode = ?")
            for inode in stored where prompts[inode] == nil { try delete.execute(arguments: [inode]) }
            let insert = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO prompt (inode, namespace, slug, newest, is_draft_known, created, changed)
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
