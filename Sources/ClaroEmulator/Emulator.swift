import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

/// The Claro API on loopback, served from a `Workspace`.
///
/// A second reading of the API's documents, which shares no code with the client. Everything can change while it runs:
/// what is served, how it is worded, what goes wrong. Clients talk to a relay on two public ports, one for the API and
/// one for the signed URLs (another origin), and the relay to FlyingFox on a private one.
package final class Emulator: Sendable {
    /// Every request that has arrived.
    package let requests = RequestLog()

    let relay: Relay
    let source: Source
    let state: Mutex<State>
    private let server = Mutex<(server: HTTPServer, run: Task<Void, any Error>)?>(nil)

    /// Where the catalog comes from.
    enum Source: Sendable {
        case memory
        case directory(LibraryDirectory)
    }

    struct State: Sendable {
        var catalog: Catalog
        var configuration: Configuration
        var latency = Duration.zero
        var faults = FaultRules()
        /// How often faults were cleared.
        var clearingCount = 0
        var hanging: [Int: CheckedContinuation<Void, Never>] = [:]
        var isReleasing = false
        var lastHangID = 0
        var requestCount = 0
        var directoryGeneration = 0
        var meter = RateMeter()
        var signedURLs = SignedURLs()
    }

    private init(_ workspace: Workspace, source: Source, configuration: Configuration, port: UInt16) throws {
        relay = try Relay(apiPort: port, storagePort: 0)
        self.source = source
        state = Mutex(State(catalog: Catalog(workspace), configuration: configuration))
    }

    /// Serves `workspace` until `stop()`; `port` 0 means any that is free.
    package static func start(
        _ workspace: Workspace = .sample,
        configuration: Configuration = .init(),
        port: UInt16 = 0
    ) async throws -> Emulator {
        let emulator = try Emulator(workspace, source: .memory, configuration: configuration, port: port)
        try await emulator.restart()
        return emulator
    }

    /// Serves a directory as a library, as it is at each request, until `stop()`.
    package static func start(
        _ directory: LibraryDirectory,
        configuration: Configuration = .init(),
        port: UInt16 = 0
    ) async throws -> Emulator {
        let emulator = try Emulator([:], source: .directory(directory), configuration: configuration, port: port)
        try await emulator.restart()
        return emulator
    }

    /// The API's base URL.
    package var url: String { "http://127.0.0.1:\(relay.port(of: .api))" }

    /// The origin of signed URLs.
    package var storageURL: String { "http://127.0.0.1:\(relay.port(of: .storage))" }

    package var workspace: Workspace { state.withLock { $0.catalog.workspace } }

    /// Changes what is served, at once.
    package func update(_ change: @Sendable (inout Workspace) -> Void) {
        state.withLock { state in
            var workspace = state.catalog.workspace
            change(&workspace)
            state.catalog = Catalog(workspace)
        }
    }

    package var configuration: Configuration {
        get { state.withLock { $0.configuration } }
        set { state.withLock { $0.configuration = newValue } }
    }

    /// Added to every request.
    package var latency: Duration {
        get { state.withLock { $0.latency } }
        set { state.withLock { $0.latency = newValue } }
    }

    /// Spoils the requests that match, `times` of them or until `clearFaults()`. The first rule that matches wins.
    package func inject(_ fault: Fault, on matcher: RequestMatcher = .any, times: Int? = nil) {
        state.withLock { $0.faults.add(fault, on: matcher, times: times) }
    }

    /// Ends all faults and lets hanging requests go on.
    package func clearFaults() {
        state.withLock { state in
            state.faults.removeAll()
            state.clearingCount += 1
        }
        releaseHanging()
    }

    /// Closes every connection and refuses new ones. The ports stay this emulator's.
    package func stop() async {
        state.withLock { $0.isReleasing = true }
        releaseHanging()
        try? await relay.shut()
        guard let running = server.withLock({ running in running.take() }) else { return }
        await running.server.stop()
        running.run.cancel()
        _ = await running.run.result
    }

    /// Serves again after `stop()`, on the same ports.
    package func restart() async throws {
        guard server.withLock({ $0 == nil }) else { return }
        state.withLock { $0.isReleasing = false }
        let httpServer = HTTPServer(
            address: try .inet(ip4: "127.0.0.1", port: 0),
            timeout: 1e6,
            pool: UndelayedPool(HTTPServer.defaultPool()),
            logger: .disabled,
            handler: ClosureHTTPHandler { [weak self] request in
                guard let self else { return HTTPResponse(statusCode: .serviceUnavailable) }
                return await respond(to: request)
            }
        )
        let run = Task { try await httpServer.run() }
        // Where hundreds of servers start at once, in programs that a sanitizer makes slow, its own five seconds are too few.
        try await httpServer.waitUntilListening(timeout: 60)
        guard case .ip4(_, let port)? = await httpServer.listeningAddress else { throw SocketError.unsupportedAddress }
        server.withLock { $0 = (httpServer, run) }
        try relay.open(serverPort: port)
    }
}

// MARK: Hanging

extension Emulator {
    /// Suspends until the faults are cleared for one more time than `clearingCount`, or the emulator stops.
    func hang(after clearingCount: Int) async {
        let id = state.withLock { state in
            state.lastHangID += 1
            return state.lastHangID
        }
        await withCheckedContinuation { continuation in
            let isLate = state.withLock { state in
                let isLate = state.isReleasing || state.clearingCount > clearingCount
                if !isLate { state.hanging[id] = continuation }
                return isLate
            }
            if isLate { continuation.resume() }
        }
    }

    private func releaseHanging() {
        let waiting = state.withLock { state in
            defer { state.hanging = [:] }
            return Array(state.hanging.values)
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// FlyingFox's pool of sockets, with Nagle's algorithm switched off on each: it writes head and body apart, and a
/// keep-alive client would otherwise get one answer in 44 ms.
private struct UndelayedPool<Base: AsyncSocketPool>: AsyncSocketPool {
    private let base: Base

    init(_ base: Base) { self.base = base }

    func prepare() async throws { try await base.prepare() }

    func run() async throws { try await base.run() }

    /// The listening socket is waited for first, and those it accepts inherit its options (tcp(7)).
    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        TCPSocket.sendAtOnce(socket.file.rawValue)
        TCPSocket.keepFromChildren(socket.file.rawValue)
        try await base.suspendSocket(socket, untilReadyFor: events)
    }
}
