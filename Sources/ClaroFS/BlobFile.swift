import Crypto
import FUSE
import FoundationEssentials
import Glibc
import SystemPackage

/// Where the bytes of one attachment are: a file of the store, which outlives this process, or one without a name.
struct BlobFile: Sendable {
    private let name: BlobName
    /// nil: nothing is kept.
    private let database: CacheDatabase?
    private let directory: CacheDirectory

    init(_ key: BlobKey, database: CacheDatabase?, directory: CacheDirectory) {
        name = key.name
        self.database = database
        self.directory = directory
    }

    /// The file, to read and write. One that is kept may hold parts already; where none can be kept it is one without
    /// a name.
    ///
    /// - Throws: what open(2) says.
    func open() throws(Errno) -> OpenFile {
        guard let database else { return try directory.makeUnlinkedFile() }
        do throws(Errno) {
            return try database.openFile(of: name)
        } catch {
            return try makeUnkept()
        }
    }

    /// A file outside of the cache, for when nothing can be kept.
    ///
    /// - Throws: what open(2) says.
    func makeUnkept() throws(Errno) -> OpenFile { try CacheDirectory.temporary.makeUnlinkedFile() }

    /// Says, once, that the cache's disk is full.
    func reportFullDisk() { database?.warn(CacheDatabase.fullDisk) }

    /// What is there from before.
    var stored: CacheDatabase.StoredBlob? { database?.blob(name) }

    /// Keeps the digests of the chunks that `ranges` has completely and `known` does not yet; returns them.
    func keepChunks(
        of file: OpenFile,
        _ ranges: ByteRanges,
        byteCount: Int64,
        known: Set<Int>
    ) -> [Int: Data] {
        guard let database else { return [:] }
        var chunks: [Int: Data] = [:]
        for number in 0..<Self.chunkCount(of: byteCount) where !known.contains(number) {
            guard ranges.contains(Self.range(ofChunk: number, byteCount: byteCount)) else { continue }
            chunks[number] = Self.digest(ofChunk: number, byteCount: byteCount, in: file)
        }
        if !chunks.isEmpty || byteCount == 0 { database.save(chunks, of: name, byteCount: byteCount) }
        return chunks
    }

    /// Whether a chunk still is what was stored. If not, it is not stored any more.
    func verify(chunk number: Int, byteCount: Int64, _ expected: Data, in file: OpenFile) -> Bool {
        if Self.digest(ofChunk: number, byteCount: byteCount, in: file) == expected { return true }
        database?.removeChunk(number, of: name)
        return false
    }

    static func chunkCount(of byteCount: Int64) -> Int {
        Int((byteCount + CacheDatabase.chunkByteCount - 1) / CacheDatabase.chunkByteCount)
    }

    static func range(ofChunk number: Int, byteCount: Int64) -> Range<Int64> {
        let start = Int64(number) * CacheDatabase.chunkByteCount
        return start..<min(start + CacheDatabase.chunkByteCount, byteCount)
    }

    /// nil where the file does not have all of the chunk.
    static func digest(ofChunk number: Int, byteCount: Int64, in file: OpenFile) -> Data? {
        let range = range(ofChunk: number, byteCount: byteCount)
        return withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            var hash = SHA256()
            var position = range.lowerBound
            while position < range.upperBound {
                let wanted = min(buffer.count, Int(range.upperBound - position))
                let count = pread(file.descriptor.rawValue, buffer.baseAddress, wanted, Int(position))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return nil }
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                position += Int64(count)
            }
            return Data(hash.finalize())
        }
    }
}
