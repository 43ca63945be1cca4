import Foundation

extension Workspace {
    /// A file or an address that belongs to a version.
    package struct ContextItem: Sendable {
        package enum Kind: Sendable {
            case file(name: String, mimeType: String, Attachment)
            /// `fetchedAt` in milliseconds since 1970.
            case url(String, fetchedAt: Int64?)
            /// Whatever object, of a type that nobody knows perhaps.
            case other(JSON)
        }

        package var id: String?
        package var label: String?
        /// Milliseconds since 1970; the version's when nil.
        package var createdAt: Int64?
        package var kind: Kind
        /// Members of the API's object to replace, add, or (nil) remove.
        package var overrides: [String: JSON?]

        package static func file(
            _ name: String,
            _ attachment: Attachment,
            mimeType: String? = nil,
            label: String? = nil,
            id: String? = nil,
            createdAt: Int64? = nil,
            overrides: [String: JSON?] = [:]
        ) -> ContextItem {
            let kind = Kind.file(name: name, mimeType: mimeType ?? Attachment.mimeType(ofFileNamed: name), attachment)
            return ContextItem(id: id, label: label, createdAt: createdAt, kind: kind, overrides: overrides)
        }

        package static func other(_ object: JSON) -> ContextItem {
            ContextItem(id: object["id"]?.string, label: nil, createdAt: nil, kind: .other(object), overrides: [:])
        }

        package static func url(
            _ address: String,
            label: String? = nil,
            fetchedAt: Int64? = Workspace.epoch,
            id: String? = nil,
            createdAt: Int64? = nil,
            overrides: [String: JSON?] = [:]
        ) -> ContextItem {
            let kind = Kind.url(address, fetchedAt: fetchedAt)
            return ContextItem(id: id, label: label, createdAt: createdAt, kind: kind, overrides: overrides)
        }
    }

    /// An attachment's bytes, held, generated as they are asked for, or read from a file.
    package enum Attachment: Sendable {
        case bytes([UInt8])
        /// `byteCount` bytes that depend on `seed` and their offset alone; never held whole.
        case synthetic(seed: UInt64, byteCount: Int64)
        /// A file of `byteCount` bytes on disk.
        case contents(ofFile: String, byteCount: Int64)

        package static func text(_ text: String) -> Attachment { .bytes(Array(text.utf8)) }

        package var byteCount: Int64 {
            switch self {
            case .bytes(let bytes): Int64(bytes.count)
            case .synthetic(_, let byteCount), .contents(_, let byteCount): byteCount
            }
        }

        /// The bytes of `range`, which must lie within the attachment.
        ///
        /// - Throws: When the file on disk cannot be read or has become shorter.
        package func read(_ range: Range<Int64>) throws -> [UInt8] {
            switch self {
            case .bytes(let bytes): return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
            case .synthetic(let seed, _): return Self.syntheticBytes(seed: seed, range)
            case .contents(let path, _):
                let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
                defer { try? handle.close() }
                try handle.seek(toOffset: UInt64(range.lowerBound))
                let data = try handle.read(upToCount: range.count) ?? Data()
                guard data.count == range.count else { throw CocoaError(.fileReadCorruptFile) }
                return Array(data)
            }
        }

        /// Eight bytes at a time: SplitMix64 of the seed and the word's index, so any range costs only its own length.
        private static func syntheticBytes(seed: UInt64, _ range: Range<Int64>) -> [UInt8] {
            let firstWord = range.lowerBound / 8
            let wordCount = Int((range.upperBound + 7) / 8 - firstWord)
            let words = [UInt64](unsafeUninitializedCapacity: wordCount) { buffer, count in
                for index in 0..<wordCount {
                    buffer[index] = SplitMix64.value(at: UInt64(firstWord) &+ UInt64(index), seed: seed).littleEndian
                }
                count = wordCount
            }
            let skipped = Int(range.lowerBound - firstWord * 8)
            return words.withUnsafeBytes { Array($0[skipped..<skipped + range.count]) }
        }

        /// A guess by the name's extension.
        package static func mimeType(ofFileNamed name: String) -> String {
            let fileExtension = name.split(separator: ".").dropFirst().last.map { $0.lowercased() } ?? ""
            return mimeTypes[fileExtension] ?? "application/octet-stream"
        }

        private static let mimeTypes = [
            "csv": "text/csv", "gz": "application/gzip", "html": "text/html", "jpg": "image/jpeg",
            "json": "application/json", "md": "text/markdown", "pdf": "application/pdf", "png": "image/png",
            "txt": "text/plain", "wav": "audio/wav", "zip": "application/zip",
        ]
    }
}

/// A random sequence that can be entered anywhere (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
struct SplitMix64: RandomNumberGenerator {
    let seed: UInt64
    private var index: UInt64 = 0

    init(seed: UInt64) { self.seed = seed }

    mutating func next() -> UInt64 {
        defer { index &+= 1 }
        return Self.value(at: index, seed: seed)
    }

    static func value(at index: UInt64, seed: UInt64) -> UInt64 {
        var z = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
