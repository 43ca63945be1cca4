import ClaroAPI
import Crypto
import FUSE
import FoundationEssentials
import GRDB

/// Versions and what `latest` points to.
extension CacheDatabase {
    /// A version as it was fetched.
    struct StoredVersion {
        let prompt: Prompt
        /// When a draft was last seen to change.
        let changed: Timestamp
        let fetched: Timestamp
    }

    /// The version as it was stored. One whose row is not what was stored is removed, and not there.
    func version(_ name: PackageName) -> StoredVersion? {
        let row = read { database in
            let statement = try database.cachedStatement(sql: "SELECT * FROM version WHERE name = ?")
            return try Row.fetchOne(statement, arguments: [name.description])
        }
        return row.flatMap { version(name, in: $0) }
    }

    /// The version as it was stored, and that it was found not to be there: what the API last said of it is one of them.
    func answer(for name: PackageName) -> (version: StoredVersion?, absence: Absence?) {
        let row = read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT version.*, absence.is_forbidden, absence.fetched AS absence_fetched,
                        absence.digest AS absence_digest
                    FROM (SELECT ? AS name, ? AS prompt, ? AS selector) AS asked
                    LEFT JOIN version ON version.name = asked.name
                    LEFT JOIN absence ON absence.prompt = asked.prompt AND absence.selector = asked.selector
                    """
            )
            return try Row.fetchOne(
                statement,
                arguments: [name.description, name.prompt.description, name.selector.description]
            )
        }
        guard let row else { return (nil, nil) }
        return (
            row.hasNull(atIndex: 0) ? nil : version(name, in: row),
            try? Absence(row, of: name, fetched: "absence_fetched", digest: "absence_digest")
        )
    }

    private func version(_ name: PackageName, in row: Row) -> StoredVersion? {
        guard let version = try? StoredVersion(row, of: name) else {
            removeVersion(name)
            return nil
        }
        noteUse(of: .version(name))
        return version
    }

    /// Tells whether it is stored now.
    @discardableResult
    func save(_ prompt: Prompt, as name: PackageName, changed: Timestamp, fetched: Timestamp) -> Bool {
        let row = VersionRow(prompt, as: name, changed: changed, fetched: fetched)
        let saved: Void? = write { try row.save(in: $0) }
        grown(by: Int64(row.texts.byteCount))
        return saved != nil
    }

    /// The same for what nobody waits for: in one transaction with others (`writeTogether`).
    func saveTogether(_ prompt: Prompt, as name: PackageName, changed: Timestamp, fetched: Timestamp) async -> Bool {
        let row = VersionRow(prompt, as: name, changed: changed, fetched: fetched)
        let isSaved = await writeTogether { try row.save(in: $0) }
        grown(by: Int64(row.texts.byteCount))
        return isSaved
    }

    /// That a version was found unchanged; false if it is not stored.
    @discardableResult
    func touch(_ name: PackageName, fetched: Timestamp) -> Bool {
        let isStored: Bool? = write { database in
            let select = try database.cachedStatement(
                sql: "SELECT name, changed, fetched, texts_digest, digest FROM version WHERE name = ?"
            )
            guard let row = try Row.fetchOne(select, arguments: [name.description]) else { return false }
            var head = try VersionHead(row)
            head.fetched = fetched
            let update = try database.cachedStatement(sql: "UPDATE version SET fetched = ?, digest = ? WHERE name = ?")
            try update.execute(arguments: [fetched.sinceEpoch, head.digest, head.name])
            return true
        }
        return isStored ?? false
    }

    private func removeVersion(_ name: PackageName) {
        write { try $0.execute(sql: "DELETE FROM version WHERE name = ?", arguments: [name.description]) }
    }

    // MARK: latest

    /// The number of the newest published version, nil where nothing is published, and when that was learnt.
    func newest(of prompt: PromptName) -> (number: UInt32?, fetched: Timestamp)? {
        read { database in
            let statement = try database.cachedStatement(sql: "SELECT * FROM newest WHERE name = ?")
            guard let row = try Row.fetchOne(statement, arguments: [prompt.description]) else { return nil }
            let number: UInt32? = try row.decode(forColumn: "number")
            let fetched = try row.time("fetched")
            try row.verify(Self.digest(of: [prompt.description, number, fetched.sinceEpoch]))
            return (number, fetched)
        }
    }

    func saveNewest(_ number: UInt32?, of prompt: PromptName, fetched: Timestamp) {
        write { database in
            let statement = try database.cachedStatement(
                sql: "INSERT OR REPLACE INTO newest (name, number, fetched, digest) VALUES (?, ?, ?, ?)"
            )
            let digest = Self.digest(of: [prompt.description, number, fetched.sinceEpoch])
            try statement.execute(arguments: [prompt.description, number, fetched.sinceEpoch, digest])
            try Self.removeAbsence(of: PackageName(prompt, .latest), in: database)
        }
    }

    func removeNewest(of prompt: PromptName) {
        write { try $0.execute(sql: "DELETE FROM newest WHERE name = ?", arguments: [prompt.description]) }
    }
}

extension CacheDatabase.StoredVersion {
    /// - Throws: what `CacheDatabase.isDamage` knows, for a row that is not what was stored under this name.
    init(_ row: Row, of name: PackageName) throws {
        let (head, texts) = (try VersionHead(row), try StoredTexts(row))
        guard head.name == name.description, texts.digest == head.textsDigest, let prompt = texts.prompt else {
            throw CacheDatabase.DamagedRow()
        }
        self.init(prompt: prompt, changed: head.changed, fetched: head.fetched)
    }
}

/// A version as it goes into the database.
private struct VersionRow {
    let name: PackageName
    let head: VersionHead
    let texts: StoredTexts

    init(_ prompt: Prompt, as name: PackageName, changed: Timestamp, fetched: Timestamp) {
        self.name = name
        texts = StoredTexts(prompt)
        head = VersionHead(
            name: name.description,
            changed: changed,
            fetched: fetched,
            textsDigest: texts.digest
        )
    }

    func save(in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO version
                (name, changed, fetched, used, byte_count, texts_digest, digest, content, system, critique, metadata,
                    etag)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (name) DO UPDATE
                SET changed = excluded.changed, fetched = excluded.fetched, used = excluded.used,
                    byte_count = excluded.byte_count, texts_digest = excluded.texts_digest, digest = excluded.digest,
                    content = excluded.content, system = excluded.system, critique = excluded.critique,
                    metadata = excluded.metadata, etag = excluded.etag
                """
        )
        try statement.execute(arguments: [
            head.name, head.changed.sinceEpoch, head.fetched.sinceEpoch, Timestamp.now().sinceEpoch,
            texts.byteCount, head.textsDigest, head.digest, texts.content, texts.system, texts.critique,
            texts.metadata, texts.etag,
        ])
        try CacheDatabase.removeAbsence(of: name, in: database)
    }
}

/// A version's row without its texts, and what its digest is made of: the name too, so that no row can stand for another.
private struct VersionHead {
    let name: String
    let changed: Timestamp
    var fetched: Timestamp
    let textsDigest: Data

    init(name: String, changed: Timestamp, fetched: Timestamp, textsDigest: Data) {
        self.name = name
        self.changed = changed
        self.fetched = fetched
        self.textsDigest = textsDigest
    }

    /// - Throws: what `CacheDatabase.isDamage` knows, for a row that is not what was stored.
    init(_ row: Row) throws {
        name = try row.decode(forColumn: "name")
        changed = try row.time("changed")
        fetched = try row.time("fetched")
        textsDigest = try row.decode(forColumn: "texts_digest")
        try row.verify(digest)
    }

    var digest: Data {
        CacheDatabase.digest(of: [name, changed.sinceEpoch, fetched.sinceEpoch, textsDigest.base64EncodedString()])
    }
}

/// The texts of a version's row.
private struct StoredTexts {
    let content: Data
    let system: Data?
    let critique: Data?
    let metadata: Data
    let etag: String?

    init(_ prompt: Prompt) {
        content = Data(prompt.content)
        system = prompt.systemPrompt.map { Data($0) }
        critique = prompt.critiquePrompt.map { Data($0) }
        metadata = Data(prompt.metadata.serialized())
        etag = prompt.etag
    }

    init(_ row: Row) throws {
        content = try row.decode(forColumn: "content")
        system = try row.decode(forColumn: "system")
        critique = try row.decode(forColumn: "critique")
        metadata = try row.decode(forColumn: "metadata")
        etag = try row.decode(forColumn: "etag")
    }

    var prompt: Prompt? {
        Prompt(
            metadata: Array(metadata),
            content: Array(content),
            systemPrompt: system.map { Array($0) },
            critiquePrompt: critique.map { Array($0) },
            etag: etag
        )
    }

    var byteCount: Int {
        [content, system, critique, metadata].reduce(0) { $0 + ($1?.count ?? 0) }
    }

    var digest: Data {
        var hash = SHA256()
        for part in [content, system, critique, metadata, etag.map { Data($0.utf8) }] {
            var length = Int64(part?.count ?? -1).littleEndian
            withUnsafeBytes(of: &length) { hash.update(bufferPointer: $0) }
            hash.update(data: part ?? Data())
        }
        return Data(hash.finalize())
    }
}
