import Foundation
import Synchronization
import TestSupport

/// What a daemon takes of the machine, over the time of a soak test.
final class SoakFigures: Sendable {
    /// What it holds while nothing happens.
    struct Rest: Equatable, Sendable, CustomStringConvertible {
        /// By what they lead to.
        let descriptors: [String: Int]
        let threads: Int

        /// Connections to the store, four to read and one to write: each is opened when it is first needed beside the others.
        /// So is a pipe for each thread, when it first answers with a part of a file.
        private static let connectionBound = 5

        static func == (one: Rest, other: Rest) -> Bool {
            one.threads == other.threads && one.bounded == other.bounded
        }

        private var bounded: [String: Int] {
            descriptors.reduce(into: descriptors) { bounded, item in
                if item.key.hasPrefix("library.sqlite") { bounded[item.key] = max(item.value, Self.connectionBound) }
                if item.key == "pipe" { bounded[item.key] = max(item.value, 2 * threads) }
            }
        }

        var description: String {
            let kinds = descriptors.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            return "\(descriptors.values.reduce(0, +)) descriptors (\(kinds)), \(threads) threads"
        }
    }

    private let memory = Mutex<[Int]>([])

    /// Notes the daemon's private memory once a second.
    func watch(_ mount: SoakMount, until end: ContinuousClock.Instant) async throws {
        while .now < end {
            let byteCount = try mount.fixture.privateMemory()
            memory.withLock { $0.append(byteCount) }
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// The medians of the first and of the second half, in bytes.
    var memoryMedians: (first: Int, second: Int) {
        let samples = memory.withLock { $0 }
        func median(_ samples: ArraySlice<Int>) -> Int { samples.isEmpty ? 0 : samples.sorted()[samples.count / 2] }
        return (median(samples.prefix(samples.count / 2)), median(samples.dropFirst(samples.count / 2)))
    }

    static func rest(of process: pid_t) throws -> Rest {
        let directory = "/proc/\(process)"
        let targets = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/fd").compactMap {
            // The last is the directory's own.
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/fd/\($0)")
        }
        let kinds = targets.map { target -> String in
            if !target.hasPrefix("/") { return String(target.prefix { $0 != ":" }) }
            let name = target.split(separator: "/").last.map(String.init) ?? target
            return name.wholeMatch(of: #/[0-9a-f]{64}( \(deleted\))?/#) == nil ? name : "attachment"
        }
        return Rest(
            descriptors: kinds.reduce(into: [:]) { $0[$1, default: 0] += 1 },
            threads: try FileManager.default.contentsOfDirectory(atPath: "\(directory)/task").count
        )
    }
}
