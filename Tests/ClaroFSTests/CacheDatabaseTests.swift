import ClaroAPI
import FUSE
import Foundation
import GRDB
import Logging
import Synchronization
import TestSupport
import Testing

@testable import ClaroFS

struct CacheDatabaseTests {
    private func prompt(_ content: String) throws -> Prompt {
        try #require(
            Prompt(
                metadata: Array(#"{"id": "p", "rate": 1.10, "version": "v1"}"#.utf8),
                content: Array(content.utf8),
                systemPrompt: Array("be brief".utf8),
                critiquePrompt: nil,
                etag: "\"e\""
            )
        )
    }

    private func name(_ slug: String) throws -> PackageName {
        PackageName(try #require(PromptName(namespace: "acme", slug: slug)), .version(.published(1)))
    }

    private let time = Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)

    @Test func `a version comes back as it was`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let prompt = try prompt("text\u{0}with anything ✓")
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            database.save(prompt, as: try name("a"), changed: time, fetched: time)
            let reopened = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let stored = try #require(reopened.version(try name("a")))
            #expect(stored.prompt == prompt)
            #expect(stored.changed == time && stored.fetched == time)
            #expect(reopened.version(try name("b")) == nil)
        }
    }

    @Test(arguments: ["content", "system", "metadata", "etag", "changed", "fetched", "name"])
    func `a row whose bytes are others is not there`(column: String) async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            database.save(try prompt("text"), as: try name("a"), changed: time, fetched: time)
            let values = ["changed": "1", "fetched": "\(Int64.max)", "name": "@acme/b:v1"]
            let value = values[column] ?? "{}"
            database.write { try $0.execute(sql: "UPDATE version SET \(column) = ?", arguments: [value]) }
            #expect(database.version(try name(column == "name" ? "b" : "a")) == nil)
        }
    }

    @Test func `what is written together is all written, and before anybody hears of it`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let prompt = try prompt("text")
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let names = try (0..<100).map { try name("p\($0)") }
            let found = await withTaskGroup(of: Bool.self) { group in
                for name in names {
                    group.addTask {
                        await database.saveTogether(prompt, as: name, changed: time, fetched: time)
                            && database.version(name)?.prompt == prompt
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(found == names.count)
        }
    }

    /// Has what is written together wait for `writeGathered`, and waits until there is so much of it.
    private func gather(_ count: Int, in database: CacheDatabase) async {
        while database.gathered.withLock({ $0.writers.count < count }) { await Task.yield() }
    }

    @Test(.timeLimit(.minutes(1)))
    func `of what is written together nothing is written if one thing cannot be`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let isWritten = await database.writeTogether { try $0.execute(sql: "CREATE TABLE a (b)") }
            #expect(isWritten, "alone it is written at once")
            database.gathered.withLock { $0.lastTime = .now + .seconds(3600) }
            async let good = database.writeTogether { try $0.execute(sql: "INSERT INTO a VALUES (1)") }
            async let bad = database.writeTogether { try $0.execute(sql: "INSERT INTO nowhere VALUES (1)") }
            await gather(2, in: database)
            database.writeGathered()
            let written = await [good, bad]
            #expect(written == [false, false])
            #expect(database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM a") } == 0)
        }
    }

    @Test(arguments: [(0, 0), (1, 1), (7, 7), (10, 10), (500, 10)])
    func `the faster writes come, the longer they are gathered, up to 10 ms`(_ lastCount: Int, milliseconds: Int) {
        let now = ContinuousClock.now
        let gathered = CacheDatabase.Gathered(lastTime: now, lastCount: lastCount)
        #expect(gathered.delay(at: now) == .milliseconds(milliseconds))
        #expect(gathered.delay(at: now + .milliseconds(milliseconds)) == .zero)
        #expect(CacheDatabase.Gathered().delay(at: now) == .zero, "the first one waits for nobody")
    }

    @Test(.timeLimit(.minutes(1)))
    func `what waits to be written is written when there is no more time`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let (prompt, name) = (try prompt("text"), try name("a"))
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            database.gathered.withLock { $0.lastTime = .now + .seconds(3600) }
            async let written = database.saveTogether(prompt, as: name, changed: time, fetched: time)
            await gather(1, in: database)
            #expect(database.answer(for: name).version == nil)
            database.writeGathered()
            #expect(await written)
            #expect(database.answer(for: name).version != nil)
        }
    }

    @Test func `the thousandth notice of growth takes no more stack than the first`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let places = Mutex<[UInt]>([])
            database.onGrowth { _ in
                var here = 0
                withUnsafePointer(to: &here) { here in places.withLock { $0.append(UInt(bitPattern: here)) } }
            }
            for _ in 0..<1000 { database.grown(by: 1) }
            let seen = places.withLock { $0 }
            #expect(seen.count == 1000)
            #expect(Set(seen).count == 1)
        }
    }

    @Test func `of what is not there a bounded number is kept, the newest`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let prompt = try name("a").prompt
            let count = UInt32(CacheDatabase.absenceBound) + 100
            for number in 1...count {
                let absence = CacheDatabase.Absence(isForbidden: false, fetched: time)
                database.save(absence, of: PackageName(prompt, .version(.published(number))))
            }
            let numbers = database.names(of: prompt).absences.keys.compactMap { selector in
                if case .version(let version) = selector { version.number } else { nil }
            }
            #expect(numbers.sorted() == Array(101...count))
        }
    }

    @Test func `databases that are made at one time are one, and all of them usable`() async throws {
        for _ in 1...20 {
            try await ScratchDirectory.with { scratch async throws in
                let path = scratch.path
                let isUsable = try await withThrowingTaskGroup { group in
                    for _ in 1...8 {
                        group.addTask {
                            try await offPool {
                                let database = CacheDatabase(directory: path, key: "key", logger: Logger(label: "test"))
                                return database.write { try Int.fetchOne($0, sql: "SELECT count(*) FROM version") } == 0
                            }
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(isUsable == Array(repeating: true, count: 8))
            }
        }
    }

    @Test func `what is stored of a prompt is not what is stored of its neighbours`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let text = try self.prompt("text")
            for (slug, version) in [("a", Version.published(1)), ("a-b", .draft), ("ab", .draft), ("A", .draft)] {
                let prompt = try #require(PromptName(namespace: "acme", slug: slug))
                database.save(text, as: PackageName(prompt, .version(version)), changed: time, fetched: time)
                let absence = CacheDatabase.Absence(isForbidden: false, fetched: time)
                database.save(absence, of: PackageName(prompt, .version(.published(UInt32(slug.utf8.count + 7)))))
            }
            let prompt = try #require(PromptName(namespace: "acme", slug: "a"))
            let names = database.names(of: prompt)
            #expect(!names.hasDraft)
            #expect(names.absences.keys.map(\.description) == ["v8"])
            database.save(text, as: PackageName(prompt, .version(.draft)), changed: time, fetched: time)
            #expect(database.names(of: prompt).hasDraft)
            database.write { try $0.execute(sql: "UPDATE absence SET is_forbidden = 1") }
            #expect(database.names(of: prompt).hasDraft, "a damaged row takes no other one along")
        }
    }

    @Test(arguments: ["is_forbidden = 1", "fetched = \(Int64.max)", "selector = 'v2'", "selector = 'x'", "prompt = 5"])
    func `an absence that is not what was stored is none`(change: String) async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let name = try name("a")
            database.save(CacheDatabase.Absence(isForbidden: false, fetched: time), of: name)
            #expect(database.names(of: name.prompt).absences.count == 1)
            database.write { try $0.execute(sql: "UPDATE absence SET \(change)") }
            #expect(database.names(of: name.prompt).absences.isEmpty)
        }
    }

    @Test(arguments: ["fetched = fetched + 1", "fetched = \(Int64.max)", "pages = 900"])
    func `a listing whose time is another is not there`(change: String) async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let inodes = InodeTable(database)
            let listing = Listing([], pageCount: 1, inodes: inodes, fallbackTime: time, now: time)
            database.save(listing, fetched: time)
            #expect(database.listingHead()?.fetched == time)
            database.write { try $0.execute(sql: "UPDATE listing SET \(change)") }
            #expect(database.listingHead() == nil)
            #expect(database.prompts() == nil)
        }
    }

    @Test(arguments: [
        "version SET content = 5", "version SET changed = 'x'", "version SET texts_digest = 5",
        "newest SET number = 'x'", "newest SET number = -1", "newest SET fetched = 'x'",
        "listing SET pages = 'x'", "listing SET prompts_digest = 5",
        "prompt SET newest = -1", "prompt SET created = 'x'", "prompt SET slug = 5", "prompt SET inode = -5",
        "blob SET byte_count = 'x'", "chunk SET number = -1", "chunk SET number = \(Int64.max)",
        "inode SET body = 5", "inode SET number = -number",
    ])
    func `a row with values of another kind is not there`(change: String) async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            let (name, inodes) = (try name("a"), InodeTable(database))
            let prompt = Listing.Prompt(
                name: name.prompt,
                inode: inodes.number(of: Identity("a", in: inodes.number(of: Identity("@acme", in: .root)))),
                newest: 3,
                isDraftKnown: false,
                created: time,
                changed: nil
            )
            let blob = BlobKey(itemID: "ctx", claimedByteCount: 5, createdAt: nil).name
            database.save(try self.prompt("text"), as: name, changed: time, fetched: time)
            database.saveNewest(3, of: name.prompt, fetched: time)
            database.save(
                Listing([prompt], pageCount: 1, inodes: inodes, fallbackTime: time, now: time),
                fetched: time
            )
            database.save([0: Data(count: 32)], of: blob, byteCount: 5)

            database.write { try $0.execute(sql: "UPDATE \(change)") }
            let table = change.prefix { $0 != " " }
            #expect((database.version(name) == nil) == (table == "version"))
            #expect((database.newest(of: name.prompt) == nil) == (table == "newest"))
            #expect((database.prompts() == nil) == ["listing", "prompt"].contains(table))
            #expect((database.blob(blob)?.chunks.isEmpty ?? true) == ["blob", "chunk"].contains(table))
            let numbers = InodeTable(database).numbers(of: [Identity("@acme", in: .root), Identity("b", in: .root)])
            #expect(numbers[0] != numbers[1])
            #expect(numbers.allSatisfy { $0.rawValue > InodeNumber.root.rawValue })
        }
    }

    @Test(arguments: [
        "PRAGMA user_version = 99", "PRAGMA user_version = 0", "DROP TABLE version; PRAGMA user_version = 1",
    ])
    func `a database of another layout is set aside`(change: String) async throws {
        try await ScratchDirectory.with { scratch async throws in
            let old = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            old.save(try prompt("text"), as: try name("a"), changed: time, fetched: time)
            old.write { try $0.execute(sql: change) }
            let new = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
            #expect(new.version(try name("a")) == nil)
            new.save(try prompt("new"), as: try name("a"), changed: time, fetched: time)
            #expect(try #require(new.version(try name("a"))).prompt.content == Array("new".utf8))
            #expect(FileManager.default.fileExists(atPath: "\(scratch.path)/library.sqlite.aside"))
        }
    }

    @Test func `a damaged database is set aside once, however many notice it at a time`() async throws {
        for _ in 0..<10 {
            try await ScratchDirectory.with { scratch async throws in
                let database = CacheDatabase(directory: scratch.path, key: "key", logger: Logger(label: "test"))
                let names = try (0..<8).map { try name("p\($0)") }
                for name in names { database.save(try prompt("text"), as: name, changed: time, fetched: time) }
                database.shrink()
                let file = try #require(FileHandle(forUpdatingAtPath: "\(scratch.path)/library.sqlite"))
                try file.seek(toOffset: 4096)
                try file.write(contentsOf: Data(repeating: 0xff, count: 60 * 4096))
                try file.close()
                try await offPool {
                    DispatchQueue.concurrentPerform(iterations: 8) { _ = database.version(names[$0]) }
                }
                let aside = try Data(contentsOf: URL(filePath: "\(scratch.path)/library.sqlite.aside"))
                #expect(aside.dropFirst(4096).prefix(4096) == Data(repeating: 0xff, count: 4096))
            }
        }
    }

    @Test func `where no database can be made nothing is kept and nothing fails`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let database = CacheDatabase(directory: "\(scratch.path)/absent", key: "key", logger: Logger(label: "test"))
            database.save(try prompt("text"), as: try name("a"), changed: time, fetched: time)
            #expect(database.version(try name("a")) == nil)
            #expect(database.prompts() == nil)
        }
    }
}
