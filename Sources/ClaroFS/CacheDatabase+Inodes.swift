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
                let number: Int64 = try row.decode(atIndex: 2)
                guard number >= InodeTable.first else { continue }
                let identity = Identity(FileName(bytes: try row.bytes(0)), in: parent, bodyBytes: try row.bytes(1))
                numbers[identity] = InodeNumber(rawValue: UInt64(number))
            }
            return numbers
        }
    }

    /// The numbers of `identities`, in that order; new ones for those that have none. nil: they could not be kept.
    func giveNumbers(to identities: [Identity]) -> [(number: InodeNumber, isNew: Bool)]? {
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
                let isNew = database.changesCount > 0
                let number = isNew ? database.lastInsertedRowID : try Int64.fetchOne(select, arguments: key)
                guard let number, number >= InodeTable.first else {
                    throw DatabaseError(resultCode: .SQLITE_CORRUPT)
                }
                return (InodeNumber(rawValue: UInt64(number)), isNew)
            }
        }
    }
}

extension Row {
    fileprivate func bytes(_ column: Int) throws -> [UInt8] { Array(try decode(Data.self, atIndex: column)) }
}
