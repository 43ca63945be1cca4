import FUSE
import FoundationEssentials
import GRDB

@testable import ClaroAPI
@testable import ClaroFS

extension FuzzTarget {
    /// The stored cache with damaged rows: each change is a table, a column, a kind of value, a length and the value.
    static let store = FuzzTarget(
        name: "store",
        sources: [
            "ClaroFS/CacheDatabase+Absences.swift", "ClaroFS/CacheDatabase+Damage.swift",
            "ClaroFS/CacheDatabase+Inodes.swift", "ClaroFS/CacheDatabase+Listing.swift",
            "ClaroFS/CacheDatabase+Versions.swift",
        ]
    ) { bytes in
        try StoredSample.checkDamaged { database in
            var rest = bytes[...]
            while let change = Change(taking: &rest) { try? change.apply(to: database) }
        }
    }

    /// A value put into all rows of a table.
    private struct Change {
        private let table: (name: String, columns: [String])
        private let column: Int
        private let value: DatabaseValue

        init?(taking rest: inout ArraySlice<UInt8>) {
            guard rest.count >= 4 else { return nil }
            let head = rest.prefix(4).map(Int.init)
            rest.removeFirst(4)
            table = Self.tables[head[0] % Self.tables.count]
            column = head[1]
            let bytes = Array(rest.prefix(head[3]))
            rest = rest.dropFirst(bytes.count)
            switch head[2] % 5 {
            case 0: value = .null
            case 1: value = bytes.text.databaseValue
            case 2: value = bytes.reduce(Int64(0)) { $0 << 8 | Int64($1) }.databaseValue
            case 3: value = Double(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) }).databaseValue
            default: value = Data(bytes).databaseValue
            }
        }

        func apply(to database: Database) throws {
            let column = table.columns[column % table.columns.count]
            let update = try database.cachedStatement(sql: "UPDATE \(table.name) SET \(column) = ?")
            try update.execute(arguments: [value])
        }

        private static let tables: [(name: String, columns: [String])] = [
            (
                "version",
                [
                    "name", "changed", "fetched", "texts_digest", "digest", "content", "system", "critique", "metadata",
                    "etag",
                ]
            ),
            ("listing", ["key", "fetched", "pages", "prompts_digest", "digest"]),
            ("prompt", ["inode", "namespace", "slug", "newest", "is_draft_known", "created", "changed"]),
            ("newest", ["name", "number", "fetched", "digest"]),
            ("absence", ["prompt", "selector", "is_forbidden", "fetched", "digest"]),
            ("inode", ["number", "parent", "name", "body"]), ("blob", ["name", "byte_count", "used", "digest"]),
            ("chunk", ["number", "digest"]), ("usage", ["attachments", "texts"]),
        ]
    }
}
