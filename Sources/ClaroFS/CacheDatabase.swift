import ClaroAPI
import FUSE
import GRDB
import Glibc
import Logging
import Synchronization

/// What was learnt, on disk: it outlives the mount, and all mounts of one library share it.
///
/// It is a cache and never an obstacle: what cannot be read counts as not there, what cannot be written is not kept, and
/// neither is an error for anybody who reads a prompt. Every call is synchronous, reads or writes
/// a few rows (but for the listing), and waits at most `busyTimeout` for another process. Rules about lifetimes are not here but in `Freshness`.
final class CacheDatabase: Sendable {
    /// PRAGMA user_version. A database of another layout is set aside.
    private static let layout: Int32 = 4
    static let fileName = "library.sqlite"
    /// Seconds. A transaction here takes far less, but the process that is in one may have to wait for a processor: what
    /// is given up meanwhile is not kept, and fetched again. Still short enough for a caller to wait.
    private static let busyTimeout: Double = 2

    /// Pages in the log after which SQLite moves them into the database, while writers wait. Its own 1000 are full after every
    /// hundred versions of a walk, and most of them are the same pages again.
    private static let checkpointPageCount = 4000

    static let fullDisk = "its disk is full"

    let directory: String
    /// The key that this process uses, as `ClaroClient.cacheIdentity` names it.
    let key: String
    private let logger: Logger
    /// nil: there is no usable database, and this process does without.
    private let connections: Mutex<DatabaseConnections?>
    private let hasWarned = Mutex(false)
    /// When things were used, as far as that is not written yet.
    let uses = Mutex<[Item: Timestamp]>([:])
    /// What is to be written together.
    let gathered = Mutex(Gathered())
    private let growth = Mutex<Observer?>(nil)

    /// A function value that goes in and out of a generic type by itself is wrapped once more each time.
    private struct Observer: Sendable {
        let notify: @Sendable (Int64) -> Void
    }

    /// Opens the database in `directory`, which exists, or makes it. One that is damaged or of another layout is set aside.
    init(directory: String, key: String, logger: Logger) {
        self.directory = directory
        self.key = key
        self.logger = logger
        connections = Mutex(nil)
        let opened = openOrSetAside()
        connections.withLock { $0 = opened }
    }

    /// Says, once, that not everything is kept.
    func warn(_ cause: String) {
        let isFirst = hasWarned.withLock { hasWarned in
            defer { hasWarned = true }
            return !hasWarned
        }
        if isFirst { logger.warning("the cache in \(directory) cannot be used fully: \(cause)") }
    }

    /// `body` is called when something was stored, with its bytes.
    func onGrowth(_ body: @escaping @Sendable (Int64) -> Void) { growth.withLock { $0 = Observer(notify: body) } }

    func grown(by byteCount: Int64) { growth.withLock { $0 }?.notify(byteCount) }

    /// Reads what is in one row, or need not be of one moment: without a transaction, which would cost as much again. nil where
    /// there is nothing, or nothing that can be read.
    func read<Value>(_ body: (Database) throws -> Value?) -> Value? { read(by: { try $0.unsafeRead(body) }) }

    /// As `read`, of one moment.
    func readAtOnce<Value>(_ body: (Database) throws -> Value?) -> Value? { read(by: { try $0.read(body) }) }

    private func read<Value>(by reading: (DatabaseQueue) throws -> Value?) -> Value? {
        use { try $0.read(reading) }
    }

    /// Writes in one transaction; nil where that failed and nothing was written.
    @discardableResult
    func write<Value>(_ body: (Database) throws -> Value?) -> Value? {
        use { try $0.write { try $0.write(body) } }
    }

    /// Gives the disk back what the database's file has no more use for.
    func shrink() {
        use { connections in
            try connections.write { writer in
                try writer.writeWithoutTransaction { database in
                    try database.execute(sql: "PRAGMA incremental_vacuum")
                    try database.checkpoint(.truncate)
                }
            }
        }
    }

    @discardableResult
    private func use<Value>(_ body: (DatabaseConnections) throws -> Value?) -> Value? {
        guard let connections = connections.withLock({ $0 }) else { return nil }
        do {
            return try body(connections)
        } catch {
            failed(error, of: connections)
            return nil
        }
    }

    /// Does without from then on. If no other process has it open, SQLite moves the log into the database: the next mount
    /// would have to read all of it.
    func close() {
        let closed = connections.withLock { $0.take() }
        withExtendedLifetime(closed) {}
    }

    // MARK: Opening, and doing without

    private func openOrSetAside() -> DatabaseConnections? {
        do {
            return try openPatiently() ?? reopenAfterSettingAside("it has another layout")
        } catch let error as DatabaseError where error.isPassing {
            warn(error.cause)
            return nil
        } catch {
            return reopenAfterSettingAside("it cannot be opened: \(error)")
        }
    }

    /// As `open`, and while another process makes the same database: it then holds a lock for a moment that SQLite does not
    /// wait for (`PRAGMA journal_mode = WAL`).
    private func openPatiently() throws -> DatabaseConnections? {
        let end = ContinuousClock.now + .seconds(Self.busyTimeout)
        while true {
            do {
                return try open()
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && .now < end {
                usleep(10_000)
            }
        }
    }

    /// nil: it has another layout.
    private func open() throws -> DatabaseConnections? {
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.busyTimeout)
        configuration.maximumReaderCount = 4
        // Before there is anything in it: a file that cannot shrink would keep the room of what was evicted.
        configuration.prepareDatabase { database in
            // KiB for each connection; by itself SQLite keeps 2 MB, all of which the system has in its page cache as well.
            try database.execute(sql: "PRAGMA cache_size = -256")
            guard !database.configuration.readonly else { return }
            try database.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            try database.execute(sql: "PRAGMA wal_autocheckpoint = \(Self.checkpointPageCount)")
        }
        let path = "\(directory)/\(Self.fileName)"
        // SQLite would make it readable by all; its other files get the mode that this one has.
        let made = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if made >= 0 { Glibc.close(made) }
        let connections = try DatabaseConnections(path: path, configuration: configuration)
        return try connections.write { try $0.write(Self.makeTables) } ? connections : nil
    }

    /// False: it has tables of another layout.
    private static func makeTables(_ database: Database) throws -> Bool {
        let layout = try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        if layout == Self.layout { return true }
        guard layout == 0, try !database.tableExists("version") else { return false }
        try database.execute(sql: schema)
        return true
    }

    private static let schema = """
        CREATE TABLE listing (
            id INTEGER PRIMARY KEY CHECK (id = 1), key TEXT NOT NULL, fetched INTEGER NOT NULL,
            pages INTEGER NOT NULL, prompts_digest BLOB NOT NULL, digest BLOB NOT NULL
        );
        CREATE TABLE prompt (
            inode INTEGER PRIMARY KEY, namespace TEXT NOT NULL, slug TEXT NOT NULL, newest INTEGER,
            is_draft_known INTEGER NOT NULL, created INTEGER, changed INTEGER
        );
        CREATE TABLE newest (
            name TEXT PRIMARY KEY, number INTEGER, fetched INTEGER NOT NULL, digest BLOB NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE version (
            name TEXT NOT NULL UNIQUE, changed INTEGER NOT NULL, fetched INTEGER NOT NULL, used INTEGER NOT NULL,
            byte_count INTEGER NOT NULL, texts_digest BLOB NOT NULL, digest BLOB NOT NULL,
            content BLOB NOT NULL, system BLOB, critique BLOB, metadata BLOB NOT NULL, etag TEXT
        );
        CREATE TABLE absence (
            number INTEGER PRIMARY KEY, prompt TEXT NOT NULL, selector TEXT NOT NULL, is_forbidden INTEGER NOT NULL,
            fetched INTEGER NOT NULL, digest BLOB NOT NULL, UNIQUE (prompt, selector)
        );
        CREATE TABLE inode (
            number INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL, name BLOB NOT NULL, body BLOB NOT NULL,
            UNIQUE (parent, name, body)
        );
        CREATE TABLE blob (
            name TEXT NOT NULL UNIQUE, byte_count INTEGER NOT NULL, used INTEGER, digest BLOB NOT NULL
        );
        CREATE TABLE chunk (
            blob TEXT NOT NULL, number INTEGER NOT NULL, byte_count INTEGER NOT NULL, digest BLOB NOT NULL,
            PRIMARY KEY (blob, number)
        ) WITHOUT ROWID;
        CREATE INDEX version_used ON version (used, byte_count);
        CREATE INDEX blob_used ON blob (used) WHERE used IS NOT NULL;
        CREATE TABLE usage (id INTEGER PRIMARY KEY CHECK (id = 1), attachments INTEGER NOT NULL, texts INTEGER NOT NULL);
        INSERT INTO usage VALUES (1, 0, 0);
        \(usageTriggers(on: "version", counting: "texts"))
        \(usageTriggers(on: "chunk", counting: "attachments"))
        INSERT INTO sqlite_sequence (name, seq) VALUES ('inode', \(InodeTable.first - 1));
        PRAGMA user_version = \(layout);
        """

    /// REPLACE would remove rows without running the second one.
    private static func usageTriggers(on table: String, counting column: String) -> String {
        """
        CREATE TRIGGER \(table)_added AFTER INSERT ON \(table)
        BEGIN UPDATE usage SET \(column) = \(column) + NEW.byte_count; END;
        CREATE TRIGGER \(table)_removed AFTER DELETE ON \(table)
        BEGIN UPDATE usage SET \(column) = \(column) - OLD.byte_count; END;
        CREATE TRIGGER \(table)_changed AFTER UPDATE OF byte_count ON \(table)
        BEGIN UPDATE usage SET \(column) = \(column) + NEW.byte_count - OLD.byte_count; END;
        """
    }

    /// A damaged database is of no use to anybody; one of another layout may be to another release, but nobody can use
    /// both at once.
    private func reopenAfterSettingAside(_ reason: String) -> DatabaseConnections? {
        let path = "\(directory)/\(Self.fileName)"
        logger.warning("\(path) is set aside: \(reason)")
        for ending in ["", "-wal", "-shm"] {
            // What stood aside before makes room; a directory there stays, and the rename fails.
            unlink("\(path)\(ending).aside")
            rename("\(path)\(ending)", "\(path)\(ending).aside")
        }
        do {
            if let connections = try openPatiently() { return connections }
        } catch let error as DatabaseError where error.isPassing {
            warn(error.cause)
            return nil
        } catch {}
        logger.warning("nothing is kept in \(directory): no database can be made there")
        return nil
    }

    private func failed(_ error: any Error, of failed: DatabaseConnections) {
        if Self.isDamage(error) { return }
        let code = (error as? DatabaseError)?.resultCode
        guard code == .SQLITE_CORRUPT || code == .SQLITE_NOTADB else {
            return warn((error as? DatabaseError)?.cause ?? "\(error)")
        }
        let isFirst = connections.withLock { connections in
            guard connections === failed else { return false }
            connections = nil
            return true
        }
        // Others may have noticed at the same time.
        guard isFirst else { return }
        let fresh = reopenAfterSettingAside("it is damaged")
        connections.withLock { $0 = fresh }
    }
}

extension DatabaseError {
    /// Whether the database may be sound and cannot be used now: the disk is full, or another process is slow.
    fileprivate var isPassing: Bool {
        switch resultCode {
        case .SQLITE_FULL, .SQLITE_BUSY, .SQLITE_NOMEM: true
        case .SQLITE_IOERR:
            [
                .SQLITE_IOERR_SHMSIZE, .SQLITE_IOERR_SHMMAP, .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC,
                .SQLITE_IOERR_TRUNCATE,
            ].contains(extendedResultCode)
        default: false
        }
    }

    fileprivate var cause: String { resultCode == .SQLITE_FULL ? CacheDatabase.fullDisk : "\(self)" }
}
