import Foundation
import Synchronization

/// A program that a test has started. Nothing here blocks Swift's pool.
package final class ChildProcess: Sendable {
    /// What a program left when it ended.
    package struct Output: Sendable {
        /// The exit status; a signal's number plus 128 where one ended it.
        package let status: Int32
        package let bytes: [UInt8]
        package let errors: String

        package init(status: Int32, bytes: [UInt8], errors: String) {
            self.status = status
            self.bytes = bytes
            self.errors = errors
        }

        package var text: String { String(decoding: bytes, as: UTF8.self) }
        package var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    private struct State {
        var standardError = ""
        var watches: [(text: String, found: CheckedContinuation<Bool, Never>)] = []
        var hasClosedErrors = false
    }

    private let process: Process
    private let output: Pipe
    private let state = Mutex(State())
    /// Left when all of standard error is read.
    private let errorReading = DispatchGroup()

    package var processIdentifier: pid_t { process.processIdentifier }

    /// `environment` is all of it; `PATH` and `HOME` are added where missing.
    private init(_ words: [String], directory: String?, environment: [String: String]) throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        let own = ProcessInfo.processInfo.environment
        let base = [
            "PATH": own["PATH"] ?? "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": own["HOME"] ?? "/", "LC_ALL": "C.UTF-8",
        ]
        process.environment = base.merging(environment) { $1 }
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        errorReading.enter()
        Thread.detachNewThread { [self] in readErrors(errors) }
    }

    package static func start(
        _ words: [String],
        directory: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> ChildProcess {
        // posix_spawn enters `directory`, which may be on a mount of ours.
        try await offPool { try ChildProcess(words, directory: directory, environment: environment) }
    }

    /// Runs a program to its end. One that needs longer than `timeout` seconds is killed, and has status 137.
    package static func run(
        _ words: [String],
        directory: String? = nil,
        environment: [String: String] = [:],
        timeout: Int = 120
    ) async throws -> Output {
        let words = ["timeout", "-s", "KILL", "\(timeout)"] + words
        return try await start(words, directory: directory, environment: environment).end()
    }

    /// Waits for the end.
    package func end() async throws -> Output {
        try await offPool { [self] in
            var bytes: [UInt8] = []
            while case let part = Self.read(output), !part.isEmpty { bytes += part }
            process.waitUntilExit()
            errorReading.wait()
            let status = process.terminationStatus
            return Output(
                status: process.terminationReason == .uncaughtSignal ? status + 128 : status,
                bytes: bytes,
                errors: standardError
            )
        }
    }

    /// Sends a signal, unless it has ended: then its number may be another process's.
    package func signal(_ number: Int32) {
        if process.isRunning { kill(process.processIdentifier, number) }
    }

    /// What it has written to standard error so far.
    package var standardError: String { state.withLock { $0.standardError } }

    /// Waits until it has written `text` to standard error: false if it ends without.
    package func waitForError(_ text: String) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer: Bool? = state.withLock { state in
                if state.standardError.contains(text) { return true }
                if state.hasClosedErrors { return false }
                state.watches.append((text, continuation))
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// What there is, waiting for some; nothing: the end. Foundation's own reading traps when a signal interrupts it.
    private static func read(_ pipe: Pipe) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(pipe.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
            if count >= 0 { return Array(buffer[..<count]) }
            guard errno == EINTR else { return [] }
        }
    }

    private func readErrors(_ pipe: Pipe) {
        while true {
            let data = Self.read(pipe)
            let found = state.withLock { state in
                state.standardError += String(decoding: data, as: UTF8.self)
                state.hasClosedErrors = data.isEmpty
                let found = state.watches.filter { state.standardError.contains($0.text) || data.isEmpty }
                state.watches.removeAll { state.standardError.contains($0.text) || data.isEmpty }
                return found.map { ($0.found, state.standardError.contains($0.text)) }
            }
            for (continuation, isThere) in found { continuation.resume(returning: isThere) }
            if data.isEmpty { return errorReading.leave() }
        }
    }
}
