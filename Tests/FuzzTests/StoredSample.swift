import FUSE
import FoundationEssentials
import GRDB
import Logging

@testable import ClaroAPI
@testable import ClaroFS

/// A store in memory with one thing of each kind, which is damaged and read.
enum StoredSample {
    /// Damages the sample, and requires that each thing is what was stored or not there, also after all was written anew.
    static func checkDamaged(by damage: (Database) throws -> Void) throws {
        restore()
        try check(database.version(version)?.prompt == body, "what is stored is there")
        database.write { try damage($0) }
        try checkReading()
        change()
        try checkReading()
    }

    private static let time = Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)
    private static let root = InodeNumber.root
    private static let identity = Identity("@acme", in: root)
    private static let blob = BlobName(description: String(repeating: "ab", count: 32))
    private typealias Absence = CacheDatabase.Absence
    private static let absence = Absence(isForbidden: true, fetched: time)

    private static let prompts = ["a", "b"].compactMap { PromptName(namespace: "acme", slug: $0) }
    private static let version = PackageName(prompts[0], .version(.published(1)))
    private static let missing = PackageName(prompts[0], .version(.published(9)))

    private static let body = Prompt(
        metadata: Array(#"{"id": "p", "rate": 1.10, "version": "v1"}"#.utf8),
        content: Array("text".utf8),
        systemPrompt: Array("system".utf8),
        critiquePrompt: nil,
        etag: "e"
    )

    private static let listed = zip(prompts, 20...).map { name, inode in
        Listing.Prompt(
            name: name,
            inode: InodeNumber(rawValue: UInt64(inode)),
            newest: 3,
            isDraftKnown: true,
            created: time,
            changed: nil
        )
    }

    private static let listing = Listing(
        listed,
        pageCount: 1,
        inodes: InodeTable(nil),
        fallbackTime: time,
        now: time
    )

    private static let tables = ["version", "listing", "prompt", "newest", "absence", "inode", "blob", "chunk"]
    private static let removal = tables.map { "DELETE FROM \($0);" }.joined()
    private static let copy = (tables + ["usage"]).map {
        "DROP TABLE IF EXISTS temp.kept_\($0); CREATE TEMP TABLE kept_\($0) AS SELECT * FROM \($0);"
    }.joined()
    private static let restoration =
        ["UPDATE usage SET attachments = 0, texts = 0"]
        + tables.flatMap { ["DELETE FROM \($0)", "INSERT INTO \($0) SELECT * FROM temp.kept_\($0)"] } + [
            "UPDATE usage SET (attachments, texts) = (SELECT attachments, texts FROM temp.kept_usage)",
            "UPDATE sqlite_sequence SET seq = (SELECT max(number) FROM inode)",
        ]

    private static let database = CacheDatabase(
        directory: Scratch.directory,
        key: "key",
        logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
    )

    /// Brings back what was stored, from a copy, by statements that stay compiled.
    private static func restore() {
        let restored: Void? = database.write { database in
            for sql in restoration { try database.cachedStatement(sql: sql).execute() }
        }
        guard restored == nil else { return }
        // There is no copy yet, or the store was set aside with it.
        database.write { try $0.execute(sql: removal) }
        store()
        database.write { try $0.execute(sql: copy) }
    }

    private static func store() {
        if let body { database.save(body, as: version, changed: time, fetched: time) }
        database.save(listing, fetched: time)
        database.saveNewest(3, of: prompts[0], fetched: time)
        database.save(absence, of: missing)
        database.save([0: Data([1]), 1: Data([2])], of: blob, byteCount: CacheDatabase.chunkByteCount + 1)
        _ = database.giveNumbers(to: [identity])
    }

    private static func checkReading() throws {
        if let stored = database.version(version) {
            try check(stored.prompt == body && stored.changed == time && stored.fetched == time, "a version is itself")
        }
        let answer = database.answer(for: version)
        if let stored = answer.version { try check(stored.prompt == body, "a version is itself, however it is read") }
        if let stored = answer.absence {
            try check(!stored.isForbidden && stored.fetched == time, "or it is not there")
        }
        if let stored = database.prompts() {
            try check(stored.prompts == listed && stored.fetched == time, "a listing is itself")
            try check(stored.pageCount == listing.pageCount, "and has its pages")
        }
        if let stored = database.newest(of: prompts[0]) {
            try check(stored.number == 3 && stored.fetched == time, "what latest points to is what it was")
        }
        for (selector, stored) in database.names(of: prompts[0]).absences {
            let isStored = selector == (stored.isForbidden ? missing : version).selector
            try check(isStored && stored.fetched == time, "what is not there is what was asked for, and why")
        }
        if let stored = database.blob(blob) {
            try check(stored.byteCount == CacheDatabase.chunkByteCount + 1, "an attachment has its size")
            try check(stored.chunks.keys.allSatisfy((0...1).contains), "and its chunks")
        }
        let numbers = database.numbers(in: root) ?? [:]
        try check(numbers.values.allSatisfy { $0.rawValue >= InodeTable.first }, "no number has another meaning")
        try check((0...1 << 56).contains(database.usage.texts), "texts take no less than nothing")
    }

    /// All that is ever written over what is there.
    private static func change() {
        database.touch(version, fetched: time)
        if database.answer(for: version).version != nil {
            database.save(Absence(isForbidden: false, fetched: time), of: version)
        }
        database.save(Absence(isForbidden: false, fetched: time), of: PackageName(prompts[1], .latest))
        database.removeAbsences(of: [missing])
        database.saveNewest(nil, of: prompts[1], fetched: time)
        database.save(listing, fetched: time)
        _ = database.giveNumbers(to: [identity, Identity("b", in: root)])
        let bounds = CacheBounds(byteCount: 1, shortage: 0)
        _ = database.evict(to: bounds, standing: { _ in .inUse }, losing: { _, _ in })
    }
}
