import Foundation
import TestSupport
import Testing

extension MountFixture {
    /// What `.claro/status.json` says.
    func report() async throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(try await read(".claro/status.json")))
        return try #require(object as? [String: Any])
    }

    /// What is served although it could not be renewed, and why.
    func stale() async throws -> [String: String] {
        let list = try #require(try await report()["stale"] as? [[String: String]])
        let causes = list.compactMap { entry in entry["what"].map { ($0, entry["why"] ?? "") } }
        return Dictionary(uniqueKeysWithValues: causes)
    }

    /// A value of `.claro/metrics`, by its name and labels as they stand there.
    func metric(_ name: String) async throws -> Int? {
        let line = try await text(".claro/metrics").split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Int($0.dropFirst(name.count + 1)) }
    }

    /// Where a symlink leads.
    func target(_ name: String) async throws -> String {
        let file = "\(path)/\(name)"
        return try await offPool {
            var characters = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = try check(readlink(file, &characters, characters.count))
            return String(decoding: characters[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    /// Whether the programs are built with a sanitizer, with which they take several times the memory and the time.
    static var isSanitized: Bool { dlsym(nil, "__tsan_init") != nil || dlsym(nil, "__asan_init") != nil }

    /// The memory that the daemon has for itself alone, in bytes.
    func privateMemory() throws -> Int { try memory("Private_") }

    /// The memory that the daemon has resident of the kinds that begin with `kind`, in bytes (proc(5), smaps_rollup).
    func memory(_ kind: String) throws -> Int {
        let path = "/proc/\(daemon.processIdentifier)/smaps_rollup"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return lines.filter { $0.hasPrefix(kind) }
            .compactMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } }
            .reduce(0, +) * 1024
    }

    /// The most memory that the daemon ever had resident, in bytes (proc(5), VmHWM).
    func peakMemory() throws -> Int {
        let path = "/proc/\(daemon.processIdentifier)/status"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        let kibibytes = try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
        return kibibytes * 1024
    }

    /// An extended attribute's value; nil: there is none of this name.
    func extendedAttribute(_ attribute: String, of name: String) async throws -> String? {
        let words = ["getfattr", "--only-values", "-n", attribute, name]
        let output = try await ChildProcess.run(words, directory: path)
        #expect(output.status == 0 || output.errors.contains("No such attribute"), "\(output.errors)")
        return output.status == 0 ? output.text : nil
    }
}

/// The errno of a system call that fails; nil: it succeeded.
func errorCode(of call: () async throws -> Void) async throws -> POSIXErrorCode? {
    do {
        try await call()
        return nil
    } catch let error as POSIXError {
        return error.code
    }
}

/// Looks again until `condition` holds, for what has no other signal; a minute is hanging.
func eventually(
    _ comment: Comment? = nil,
    within bound: Duration = .seconds(60),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + bound
    while try await !condition() {
        try #require(ContinuousClock.now < end, comment, sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(20))
    }
}
