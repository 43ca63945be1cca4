import FUSE
import FoundationEssentials
import GRDB

/// Inode numbers, given once for all mounts and all time.
extension CacheDatabase {
    /// All numbers given in one directory.
    func numbers(in parent: InodeNumber) -> [Identity: InodeNumber]? {
        read { database in
            let statement = try database.cachedStatement(sql: "SELECT name, body, number FROM inode WHERE parent = ?")
            let rows = try Row.fetchCursor(statement, arguments: [Int64(parent.rawValue)])
            var numbers: [Identity: InodeNumber] = [:]
            while let row = try rows.next() {
                let identity = Identity(FileName(bytes: row.bytes(0)), in: parent, bodyBytes: row.bytes(1))
                numbers[identity] = InodeNumber(rawValue: UInt64(row[2] as Int64))
            }
            return numbers
        }
    }

    /// The numbers of `identities`, in that order; new ones for those that have none. nil: they could not be kept.
    func giveNumbers(to identities: [Identity]) -> [InodeNumber]? {
        write { database in
            let insert = try database.cachedStatement(
                sql: "INSERT OR IGNORE INTO inode (parent, name, body) VALUES (?, ?, ?)"
            )
            let select = try database.cachedStatement(
                sql: "SELECT number FROM inode WHERE parent = ? AND name = ? AND body = ?"
            )
            return try identities.map { identity in
                let key: StatementArguments = [
                    Int64(identity.parent.rawValue), Data(identity.name.bytes), Data(identity.bodyBytes),
                ]
                try insert.execute(arguments: key)
                guard let number = try Int64.fetchOne(select, arguments: key) else {
                    throw DatabaseError(resultCode: .SQLITE_CORRUPT)
                }
                return InodeNumber(rawValue: UInt64(number))
            }
        }
    }
}

extension Row {
    fileprivate func bytes(_ column: Int) -> [UInt8] { Array(self[column] as Data) }
}
