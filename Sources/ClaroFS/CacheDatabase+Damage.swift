import ClaroAPI
import Crypto
import FoundationEssentials
import GRDB

/// SQLite does not notice a flipped bit in a row. What would show as something wrong has a digest beside it, and no value is
/// taken to be of the kind that its column has.
extension CacheDatabase {
    /// A row is not what was stored.
    struct DamagedRow: Error {}

    /// Whether what was thrown is about a row, which is then not there, and not about the database.
    static func isDamage(_ error: any Error) -> Bool { error is DamagedRow || error is RowDecodingError }

    /// SHA-256 of values, in this order.
    static func digest(of values: [(any CustomStringConvertible)?]) -> Data {
        let text = values.map { $0.map { "\($0)" } ?? "" }.joined(separator: "\u{0}")
        return Data(SHA256.hash(data: Data(text.utf8)))
    }
}

extension Row {
    /// - Throws: `DamagedRow` where `digest` is not that of the row.
    func verify(_ digest: Data, forColumn column: String = "digest") throws {
        guard try decode(Data.self, forColumn: column) == digest else { throw CacheDatabase.DamagedRow() }
    }

    /// A time as the database keeps it.
    ///
    /// - Throws: `RowDecodingError` for what is no number.
    func time(_ column: String) throws -> Timestamp { Timestamp(sinceEpoch: try decode(forColumn: column)) }
}

extension Timestamp {
    /// Nanoseconds, as the database keeps times; good until 2262.
    var sinceEpoch: Int64 { seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ Int64(nanoseconds) }

    init(sinceEpoch: Int64) {
        let (seconds, nanoseconds) = sinceEpoch.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(seconds: seconds, nanoseconds: Int32(nanoseconds))
    }
}
