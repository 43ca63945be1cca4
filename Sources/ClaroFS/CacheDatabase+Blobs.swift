import ClaroAPI
import FUSE
import FoundationEssentials
import GRDB
import Glibc
import SystemPackage

/// Attachments: the bytes are in files beside the database, here is which of them are there.
extension CacheDatabase {
    /// What is stored of one attachment, in chunks of `chunkByteCount`, the last one shorter.
    struct StoredBlob {
        let byteCount: Int64
        /// SHA-256 of each chunk that was there completely.
        var chunks: [Int: Data]
    }

    static let chunkByteCount: Int64 = 1 << 20

    func blob(_ blob: BlobName) -> StoredBlob? {
        readAtOnce { database in
            let name = blob.description
            let statement = try database.cachedStatement(sql: "SELECT byte_count, digest FROM blob WHERE name = ?")
            guard let head = try Row.fetchOne(statement, arguments: [name]) else { return nil }
            let byteCount: Int64 = try head.decode(forColumn: "byte_count")
            try head.verify(Self.digest(of: [name, byteCount]))
            let chunks = try database.cachedStatement(sql: "SELECT number, digest FROM chunk WHERE blob = ?")
            let rows = try Row.fetchCursor(chunks, arguments: [name])
            var blob = StoredBlob(byteCount: byteCount, chunks: [:])
            let numbers = 0..<BlobFile.chunkCount(of: byteCount)
            while let row = try rows.next() {
                let number: Int = try row.decode(atIndex: 0)
                if numbers.contains(number) { blob.chunks[number] = try row.decode(atIndex: 1) }
            }
            return blob
        }
    }

    /// Adds chunks to what is stored of an attachment.
    func save(_ chunks: [Int: Data], of blob: BlobName, byteCount: Int64) {
        write { database in
            let name = blob.description
            try database.execute(
                sql: """
                    INSERT INTO blob (name, byte_count, used, digest) VALUES (?, ?, ?, ?)
                    ON CONFLICT (name) DO UPDATE
                    SET byte_count = excluded.byte_count, used = excluded.used, digest = excluded.digest
                    """,
                arguments: [name, byteCount, Timestamp.now().sinceEpoch, Self.digest(of: [name, byteCount])]
            )
            let insert = try database.cachedStatement(
                sql: """
                    INSERT INTO chunk (blob, number, byte_count, digest) VALUES (?, ?, ?, ?)
                    ON CONFLICT (blob, number) DO UPDATE
                    SET byte_count = excluded.byte_count, digest = excluded.digest
                    """
            )
            for (number, digest) in chunks {
                let range = BlobFile.range(ofChunk: number, byteCount: byteCount)
                try insert.execute(arguments: [name, number, range.count, digest])
            }
        }
        grown(by: chunks.keys.reduce(0) { $0 + Int64(BlobFile.range(ofChunk: $1, byteCount: byteCount).count) })
    }

    /// Forgets a chunk whose bytes are not those that were stored.
    func removeChunk(_ number: Int, of blob: BlobName) { removeChunks([number], of: blob) }

    /// The same for several; nil: for all.
    func removeChunks(_ numbers: [Int]?, of blob: BlobName) {
        write { database in
            guard let numbers else {
                return try database.execute(sql: "DELETE FROM chunk WHERE blob = ?", arguments: [blob.description])
            }
            for number in numbers {
                try database.execute(
                    sql: "DELETE FROM chunk WHERE blob = ? AND number = ?",
                    arguments: [blob.description, number]
                )
            }
        }
    }

    /// The file for an attachment's bytes, made if it is not there. What is no file makes room for one.
    ///
    /// - Throws: what open(2) says.
    func openFile(of blob: BlobName) throws(Errno) -> OpenFile {
        let path = "\(directory)/\(blob)"
        do throws(Errno) {
            return try Self.openRegularFile(path)
        } catch {
            guard error == .tooManySymbolicLinkLevels, unlink(path) == 0 else { throw error }
            return try Self.openRegularFile(path)
        }
    }

    /// - Throws: ELOOP for what is neither a file nor a directory, and what open(2) says.
    private static func openRegularFile(_ path: String) throws(Errno) -> OpenFile {
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = Glibc.open(path, flags, 0o600)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        let file = OpenFile(FileDescriptor(rawValue: descriptor))
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .tooManySymbolicLinkLevels }
        return file
    }
}
