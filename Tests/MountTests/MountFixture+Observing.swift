import ClaroEmulator
import Foundation
import TestSupport
import Testing

extension MountFixture {
    /// Waits until `condition` holds. A minute is far beyond what anything here needs; then the test has failed.
    func waitUntil(
        _ what: Comment,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record(what, sourceLocation: sourceLocation)
    }

    /// How many requests reach the emulator while `body` runs.
    func requestCount(of body: () async throws -> Void) async throws -> Int {
        let before = emulator.requests.total
        try await body()
        return emulator.requests.total - before
    }

    /// What the kernel asks the daemon while `body` runs, by opcode. That it forgets something is no question.
    func kernelRequests(of body: () async throws -> Void) async throws -> [String: Int] {
        // The very first also learns that files need not be opened.
        _ = try await kernelRequests()
        let start = try await kernelRequests()
        let before = try await kernelRequests()
        try await body()
        let after = try await kernelRequests()
        var counts: [String: Int] = [:]
        for (opcode, count) in after where opcode != "forget" && opcode != "batch_forget" {
            // Two in a row show what asking itself costs.
            let asking = before[opcode, default: 0] - start[opcode, default: 0]
            counts[opcode] = count - before[opcode, default: 0] - asking
        }
        return counts.filter { $0.value > 0 }
    }

    /// The least that the kernel asks in a number of runs of `body`: whoever else uses the machine may drop its caches at any
    /// time, and in one quiet run it must ask nothing beyond what it must.
    func leastKernelRequests(of body: () async throws -> Void) async throws -> [String: Int] {
        var least = try await kernelRequests(of: body)
        for _ in 1...10 where !least.isEmpty {
            let counts = try await kernelRequests(of: body)
            if counts.values.reduce(0, +) < least.values.reduce(0, +) { least = counts }
        }
        return least
    }

    /// The least of one opcode; otherwise as above.
    func leastKernelRequests(of opcode: String, _ body: () async throws -> Void) async throws -> Int {
        var least = Int.max
        for _ in 1...10 where least > 0 {
            least = min(least, try await kernelRequests(of: body)[opcode, default: 0])
        }
        return least
    }

    /// Where a symlink points to.
    func target(of name: String) async throws -> String {
        let file = "\(path)/\(name)"
        return try await offPool { try FileManager.default.destinationOfSymbolicLink(atPath: file) }
    }

    /// The errno of `lstat`; nil: there is such a name.
    func lookupError(_ name: String) async throws -> POSIXErrorCode? {
        do {
            _ = try await status(name)
            return nil
        } catch let error as POSIXError {
            return error.code
        }
    }
}

extension ChildProcess {
    /// Whether it sleeps in the kernel for a daemon's answer, or for somebody else's who asked the same.
    func waitsInKernel() async throws -> Bool {
        let file = "/proc/\(processIdentifier)/wchan"
        let place = try await offPool { try String(contentsOfFile: file, encoding: .utf8) }
        return ["request_wait", "d_alloc", "folio_wait"].contains { place.contains($0) }
    }
}
