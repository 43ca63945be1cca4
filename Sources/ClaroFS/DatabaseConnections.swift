import Dispatch
import GRDB
import Synchronization

/// The connections to one database: one that writes, and a few that read beside it, as SQLite's write-ahead log allows.
///
/// GRDB's `DatabasePool` is the same thing, but asks concurrent dispatch queues for a connection, three times for each
/// read. As soon as two threads ask at a time these start libdispatch's own threads, which wake up once a second ever after.
final class DatabaseConnections: Sendable {
    private let writer: DatabaseQueue
    private let idleReaders = Mutex<[DatabaseQueue]>([])
    /// Counts how many more may read.
    private let vacancies: DispatchSemaphore
    private let makeReader: @Sendable () throws -> DatabaseQueue

    /// Opens the database at `path`, or makes it.
    ///
    /// - Throws: `DatabaseError`.
    init(path: String, configuration: Configuration) throws {
        var writing = configuration
        writing.journalMode = .wal
        writer = try DatabaseQueue(path: path, configuration: writing)
        var reading = configuration
        reading.readonly = true
        makeReader = { [reading] in try DatabaseQueue(path: path, configuration: reading) }
        vacancies = DispatchSemaphore(value: configuration.maximumReaderCount)
    }

    /// The last connection to a database empties its log into it, which one that only reads could not.
    deinit { idleReaders.withLock { $0 = [] } }

    /// Reads with a connection of the caller's own, outside of a transaction unless `body` begins one.
    func read<Value>(_ body: (DatabaseQueue) throws -> Value) throws -> Value {
        vacancies.wait()
        defer { vacancies.signal() }
        let reader = try idleReaders.withLock { $0.popLast() } ?? makeReader()
        defer { idleReaders.withLock { $0.append(reader) } }
        return try body(reader)
    }

    /// Writes when all who came before have done so.
    func write<Value>(_ body: (DatabaseQueue) throws -> Value) throws -> Value { try body(writer) }
}
