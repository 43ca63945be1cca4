import ClaroAPI
import FUSE
import FoundationEssentials
import GRDB

/// What was found not to be there, or to be closed to this key.
extension CacheDatabase {
    struct Absence {
        /// A 403, which says nothing about tomorrow, not a 404.
        let isForbidden: Bool
        let fetched: Timestamp
    }

    /// So many are kept; then the oldest go. Anybody can name any number of things that do not exist.
    static let absenceBound: Int64 = 10_000

    /// What a prompt's directory shows and leaves out beside what the listing tells.
    struct Names {
        var hasDraft = false
        /// Of versions, and of `latest`.
        var absences: [PackageName.Selector: Absence] = [:]
    }

    func names(of prompt: PromptName) -> Names {
        read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT selector, is_forbidden, fetched, digest FROM absence WHERE prompt = ?
                    UNION ALL SELECT NULL, NULL, NULL, NULL FROM version WHERE name = ?
                    """
            )
            let draft = PackageName(prompt, .version(.draft))
            let rows = try Row.fetchCursor(statement, arguments: [prompt.description, draft.description])
            var names = Names()
            while let row = try rows.next() {
                if row.hasNull(atIndex: 0) {
                    names.hasDraft = true
                } else if let text: String = try? row.decode(atIndex: 0), let selector = PackageName.Selector(text) {
                    names.absences[selector] = try? Absence(row, of: PackageName(prompt, selector))
                }
            }
            return names
        } ?? Names()
    }

    /// Keeps that `name` is not there; what was stored under it goes.
    func save(_ absence: Absence, of name: PackageName) {
        write { database in
            if !absence.isForbidden { try remove(name, in: database) }
            let insert = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO absence (prompt, selector, is_forbidden, fetched, digest)
                    VALUES (?, ?, ?, ?, ?)
                    """
            )
            try insert.execute(arguments: [
                name.prompt.description, name.selector.description, absence.isForbidden, absence.fetched.sinceEpoch,
                absence.digest(of: name),
            ])
            // Each gets a higher number than all before.
            let delete = try database.cachedStatement(sql: "DELETE FROM absence WHERE number <= ?")
            try delete.execute(arguments: [database.lastInsertedRowID - Self.absenceBound])
        }
    }

    /// Everything may be there again.
    func removeAbsences() {
        write { try $0.execute(sql: "DELETE FROM absence") }
    }

    /// These are there by now.
    func removeAbsences(of names: [PackageName]) {
        write { database in
            for name in names { try Self.removeAbsence(of: name, in: database) }
        }
    }

    /// To be called with each save of what is there.
    static func removeAbsence(of name: PackageName, in database: Database) throws {
        let statement = try database.cachedStatement(sql: "DELETE FROM absence WHERE prompt = ? AND selector = ?")
        try statement.execute(arguments: [name.prompt.description, name.selector.description])
    }

    private func remove(_ name: PackageName, in database: Database) throws {
        switch name.selector {
        case .latest:
            try database.execute(sql: "DELETE FROM newest WHERE name = ?", arguments: [name.prompt.description])
        case .version:
            try database.execute(sql: "DELETE FROM version WHERE name = ?", arguments: [name.description])
        }
    }
}

extension CacheDatabase.Absence {
    /// - Throws: what `CacheDatabase.isDamage` knows, for a row that is not what was stored under this name, or for none.
    init(_ row: Row, of name: PackageName, fetched: String = "fetched", digest: String = "digest") throws {
        isForbidden = try row.decode(forColumn: "is_forbidden")
        self.fetched = try row.time(fetched)
        try row.verify(self.digest(of: name), forColumn: digest)
    }

    fileprivate func digest(of name: PackageName) -> Data {
        CacheDatabase.digest(of: [name, isForbidden, fetched.sinceEpoch])
    }
}
