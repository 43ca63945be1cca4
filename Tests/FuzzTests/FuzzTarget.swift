import FoundationEssentials
import Glibc

/// What reads something that a stranger sends or a caller types, and what must hold of all that it makes of any bytes.
struct FuzzTarget: Sendable {
    /// The name of its corpus, too.
    let name: String
    /// The files below `Sources` of whose lines the corpus is to reach nine tenths.
    let sources: [String]
    /// Reads the bytes.
    ///
    /// - Throws: `Violation`. Whatever else goes wrong ends the process.
    let read: @Sendable ([UInt8]) throws -> Void

    static let all: [FuzzTarget] = [
        .attachments, .credentials, .headers, .json, .listing, .lock, .message, .mountTable, .numbers, .options,
        .paths, .placeholders, .store, .urls, .version,
    ]
}

/// Something that does not hold of what was made of an input.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

/// Requires that a promise holds.
///
/// - Throws: `Violation` where it does not.
func check(_ holds: Bool, _ promise: @autoclosure () -> String) throws {
    guard holds else { throw Violation(description: promise()) }
}

extension [UInt8] {
    /// As text, for what reads text: ill-formed bytes are U+FFFD.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// The lines of the text, for what reads several.
    var lines: [String] {
        split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0).text }
    }
}

/// A directory for what has to be a file, in memory unless `TMPDIR` says otherwise; gone when the process ends.
enum Scratch {
    static let directory: String = {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/dev/shm"
        var template = Array("\(parent)/claro-fuzz.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("no directory can be made in \(parent)") }
        // What is in it may be in use to the end: a pool of connections opens its file again for each reader.
        atexit { try? FileManager.default.removeItem(atPath: Scratch.directory) }
        return template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }()
}
