import ClaroEmulator
import Foundation
import Synchronization

/// Reads of files chosen at random, compared with what is in them, until the mount ends.
final class ReadWorkload: Sendable {
    private struct State {
        var willBeCut = false
        var readTexts: Set<String> = []
        var faults: [String] = []
    }

    private let path: String
    private let contents: [String: [UInt8]]
    private let names: [String]
    private let state = Mutex(State())

    /// What is in each file of a generated library.
    static func contents(of library: Workspace) throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for prompt in library.namespaces[0].prompts {
            for (number, version) in prompt.numberedVersions {
                let directory = "@load-0/\(prompt.slug)/v\(number)"
                contents["\(directory)/content.md"] = Array(version.content.utf8)
                guard case .file(_, _, let attachment)? = version.context.first?.kind else { continue }
                contents["\(directory)/context/data.bin"] = try attachment.read(0..<attachment.byteCount)
            }
        }
        return contents
    }

    init(path: String, contents: [String: [UInt8]]) {
        self.path = path
        self.contents = contents
        names = contents.keys.sorted()
    }

    func willBeCut() { state.withLock { $0.willBeCut = true } }

    /// Wrong bytes, and errors that came before the end.
    var faults: [String] { state.withLock { $0.faults } }

    /// The versions of which the text was read, as they are asked for.
    var readTexts: Set<String> { state.withLock { $0.readTexts } }

    func run(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        while let name = names.randomElement(using: &random), let bytes = contents[name] {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            let count = Int.random(in: 1...bytes.count - start, using: &random)
            do {
                let read = try Self.read("\(path)/\(name)", at: start, count: count)
                state.withLock { state in
                    if read != Array(bytes[start..<start + count]) {
                        state.faults.append("\(name): wrong bytes in \(count) from \(start)")
                    }
                    let parts = name.split(separator: "/")
                    if parts.count == 4 { state.readTexts.insert("\(parts[0])/\(parts[1]):\(parts[2])") }
                }
            } catch {
                return state.withLock { if !$0.willBeCut { $0.faults.append("\(name): \(error)") } }
            }
        }
    }

    private static func read(_ file: String, at start: Int, count: Int) throws -> [UInt8] {
        let descriptor = try check(open(file, O_RDONLY))
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            let part = try bytes[position...].withUnsafeMutableBytes {
                try check(pread(descriptor, $0.baseAddress, $0.count, start + position))
            }
            guard part > 0 else { return Array(bytes[..<position]) }
            position += part
        }
        return bytes
    }
}
