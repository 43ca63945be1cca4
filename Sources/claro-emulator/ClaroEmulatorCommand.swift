import ArgumentParser
import ClaroEmulator
import Foundation

@main
struct ClaroEmulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "claro-emulator",
        abstract: "Serve a library of prompts on loopback, as Claro's API does.",
        discussion: """
            Without DIR, a small sample library is served. DIR has the layout that a mounted library shows
            (@namespace/prompt/v1/content.md, …, or just @namespace/prompt.md) and is served as it is at each request.
            With --prompts, a generated library is served from memory: it is what scripts/benchmark measures with.

            One line on stdout says where, once requests are answered. Ctrl-C or SIGTERM ends it.
            """
    )

    @Argument(help: ArgumentHelp("A directory to serve as a library.", valueName: "dir"), completion: .directory)
    var directory: String?

    @Option(help: ArgumentHelp("Generate a library of so many prompts.", valueName: "count"))
    var prompts: Int?

    @Option(help: ArgumentHelp("Versions of each generated prompt.", valueName: "count"))
    var versions = 1

    @Option(help: "Port of the API; 0 takes any that is free.")
    var port: UInt16 = 0

    @Option(help: ArgumentHelp("Milliseconds added to every request.", valueName: "ms"))
    var latency = 0

    @Flag(help: "Allow each key 1,000 requests a minute and 10,000 an hour, as the service does.")
    var rateLimit = false

    @Option(help: ArgumentHelp("Allow each key so many requests a minute, and say so.", valueName: "count"))
    var requestsPerMinute: Int?

    @Option(name: .customLong("key"), help: "Accept this API key; may be repeated. Without it, any key is accepted.")
    var keys: [String] = []

    @Option(name: .customLong("fault"), help: FaultOption.help)
    var faults: [FaultOption] = []

    @Flag(name: .shortAndLong, help: "Write one line for each request to stderr.")
    var verbose = false

    @Flag(help: "Write one JSON object for each request to stderr.")
    var jsonLog = false

    func validate() throws {
        if latency < 0 { throw ValidationError("--latency must not be negative") }
        let counts = [("prompts", prompts), ("versions", versions), ("requests-per-minute", requestsPerMinute)]
        for (name, count) in counts where count.map({ $0 < 1 }) ?? false {
            throw ValidationError("--\(name) must be at least 1")
        }
        if prompts != nil, directory != nil { throw ValidationError("either a directory or --prompts") }
        guard let directory else { return }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw ValidationError("\(directory) is not a directory")
        }
    }

    func run() async throws {
        let configuration = Emulator.Configuration { configuration in
            if rateLimit { configuration.rateLimits = .documented }
            if let requestsPerMinute {
                configuration.rateLimits = .init(perMinute: requestsPerMinute, perHour: 60 * requestsPerMinute)
            }
            if !keys.isEmpty { configuration.keys = .only(Set(keys)) }
        }
        let emulator: Emulator
        if let directory {
            let library = LibraryDirectory(path: directory) { Self.log("warning: \($0)") }
            emulator = try await Emulator.start(library, configuration: configuration, port: port)
        } else {
            let workspace = prompts.map { Workspace.measured(prompts: $0, versions: versions) } ?? .sample
            emulator = try await Emulator.start(workspace, configuration: configuration, port: port)
        }
        emulator.latency = .milliseconds(latency)
        for fault in faults { emulator.inject(fault.fault, on: fault.matcher) }
        if jsonLog {
            emulator.requests.observe { Self.log(String(decoding: $0.json.encoded, as: UTF8.self)) }
        } else if verbose {
            emulator.requests.observe { Self.log($0.line) }
        }

        let end = Self.endSignals()
        let key = keys.first ?? "sk_any"
        let name = directory ?? prompts.map { "\($0) generated prompts" } ?? "the sample library"
        print(
            "Serving \(name) at \(emulator.url) – mount it: BAYT_API_KEY=\(key) mount.claro \(emulator.url) MOUNTPOINT"
        )
        fflush(nil)
        for await _ in end { break }
        await emulator.stop()
    }

    /// SIGINT and SIGTERM, which no longer end the process by themselves.
    private static func endSignals() -> AsyncStream<Int32> {
        AsyncStream { continuation in
            // Dispatch's objects may be used on any thread, which their Swift types do not say on Linux.
            nonisolated(unsafe) let sources = [SIGINT, SIGTERM].map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { continuation.yield(number) }
                source.resume()
                return source
            }
            continuation.onTermination = { _ in for source in sources { source.cancel() } }
        }
    }

    private static func log(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }
}

extension RequestLog.Entry {
    /// `200 getPrompt @acme/support:v1 12 ms`.
    fileprivate var line: String {
        let status = status.map(String.init) ?? "---"
        let parts = [status, operation.rawValue, subject ?? target, range.map { "[\($0)]" }, "\(milliseconds) ms"]
        return parts.compactMap(\.self).joined(separator: " ")
    }

    fileprivate var json: JSON {
        [
            "operation": .string(operation.rawValue),
            "method": .string(method),
            "path": .string(target.split(separator: "?").first.map(String.init) ?? ""),
            "subject": .optional(subject),
            "range": .optional(range),
            "status": status.map { .integer(Int64($0)) } ?? .null,
            "authorization": .bool(hasAuthorization),
            "milliseconds": .integer(milliseconds),
            "requestId": .string(requestID),
        ]
    }

    private var milliseconds: Int64 {
        let duration = arrivedAt.duration(to: answeredAt ?? .now)
        return duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000
    }
}
