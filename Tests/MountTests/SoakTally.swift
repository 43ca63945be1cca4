import Foundation
import Synchronization

/// What the looks of the soak test came to.
final class SoakTally: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// Beyond its lifetime something may be served for as long as its renewal and a busy machine take.
    private static let slack = Duration.seconds(10)

    private struct State {
        /// Right, by what the library was.
        var rightCount = 0
        /// Right, but perhaps older: the API failed.
        var staleCount = 0
        var errorCounts: [POSIXErrorCode: Int] = [:]
        var cutCount = 0
        var walkCounts: [String: Int] = [:]
        var signalCounts: [String: Int] = [:]
        var wrong: [String] = []
        var longestWait = Duration.zero
    }

    private let library: SoakLibrary
    private let state = Mutex(State())

    init(_ library: SoakLibrary) { self.library = library }

    /// Judges what came of a look.
    func add(_ look: SoakLook, at mount: SoakMount) {
        let lifetime = library.lifetime(of: look.thing) + Self.slack
        let window = look.start - lifetime...look.end
        let exposure = mount.exposure(in: window)
        let isRight = library.allows(look, in: window)
        let start = exposure.failingSince.map { min($0 - lifetime, window.lowerBound) } ?? window.lowerBound
        let isRightOrStale = isRight || library.allows(look, in: start...look.end)
        let wasCut = mount.exposure(in: look.start...look.end).wasCut
        state.withLock { state in
            if isRight, exposure.failingSince == nil { return state.rightCount += 1 }
            if isRightOrStale { return state.staleCount += 1 }
            if case .failure(let code) = look.outcome {
                if wasCut { return state.cutCount += 1 }
                let isOfAPI = [.EIO, .EACCES, .EAGAIN, .EHOSTUNREACH, .ETIMEDOUT].contains(code)
                if exposure.failingSince != nil, isOfAPI { return state.errorCounts[code, default: 0] += 1 }
            }
            state.wrong.append("\(mount.name)/\(look.thing.path): \(look.outcome.summary)")
        }
    }

    /// Notes how long a program waited for one thing.
    func add(wait: Duration) {
        state.withLock { $0.longestWait = max($0.longestWait, wait) }
    }

    /// Judges how a program's walk through a mount ended.
    func add(walk program: String, _ status: Int32, _ errors: String, from start: Instant, at mount: SoakMount) {
        let window = start - SoakMount.ttl - Self.slack...Instant.now
        let exposure = mount.exposure(in: window)
        let mayFail = exposure.wasCut || exposure.failingSince != nil || library.hasRemoved(in: window)
        state.withLock { state in
            state.walkCounts[program, default: 0] += 1
            // A directory that changes meanwhile has another time, of which tar tells.
            let isOnlyChanged = errors.split(separator: "\n").allSatisfy { $0.hasSuffix("file changed as we read it") }
            if status != 0, !mayFail, !isOnlyChanged {
                state.wrong.append("\(mount.name): \(program) ended with \(status): \(errors)")
            }
        }
    }

    /// Counts a signal that was sent to a daemon.
    func add(signal: String) {
        state.withLock { $0.signalCounts[signal, default: 0] += 1 }
    }

    var signalCounts: [String: Int] { state.withLock { $0.signalCounts } }

    var wrong: [String] { state.withLock { $0.wrong } }

    var longestWait: Duration { state.withLock { $0.longestWait } }

    /// For people.
    var summary: [String] {
        state.withLock { state in
            let errors = state.errorCounts.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
            let walks = state.walkCounts.map { "\($0.value) × \($0.key)" }.sorted().joined(separator: ", ")
            return [
                "looks: \(state.rightCount) at what there was within its lifetime, \(state.staleCount) while the API failed",
                "errors: \(errors.isEmpty ? "none" : errors), all while the API failed; \(state.cutCount) as a daemon ended",
                "walks: \(walks)",
                "wrong: \(state.wrong.count)",
                "longest wait: \(state.longestWait.formatted(.units(allowed: [.seconds], fractionalPart: .show(length: 1))))",
            ]
        }
    }
}

extension SoakLook.Outcome {
    fileprivate var summary: String {
        switch self {
        case .bytes(let bytes, let start, let size):
            let beginning = String(decoding: bytes.prefix(40), as: UTF8.self).prefix { $0 != "\n" }
            return "\(bytes.count) bytes from \(start) of \(size): \(beginning)…"
        case .size(let size): return "\(size) bytes"
        case .heading(let heading): return heading
        case .target(let target): return "-> \(target)"
        case .names(let names): return names.sorted().joined(separator: " ")
        case .failure(let code): return "\(code)"
        }
    }
}
