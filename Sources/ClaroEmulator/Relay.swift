import Foundation
import Glibc
import Synchronization

/// Passes TCP connections on to the HTTP server, and spoils what comes back where it was told to.
///
/// It owns the ports that clients know, so the server can vanish and come back behind them. A connection is known by
/// the port it has on the server's side, which is where the server sees its requests come from. Threads of its own:
/// one for each listener and each connection.
final class Relay: Sendable {
    /// Which of the two public ports a connection came in by.
    enum Origin: Int, CaseIterable { case api, storage }

    private struct State {
        var listeners: [Origin: FileHandleNumber] = [:]
        var isOpen = false
        /// By the local port of the connection to the server.
        var connections: [UInt16: RelayedConnection] = [:]
    }

    private typealias FileHandleNumber = Int32

    private let state = Mutex(State())
    private let threads = DispatchGroup()
    private let ports: [Origin: UInt16]

    /// Binds both ports; 0 means any that is free.
    init(apiPort: UInt16, storagePort: UInt16) throws {
        let api = try TCPSocket.bound(toPort: apiPort)
        let storage: Int32
        do {
            storage = try TCPSocket.bound(toPort: storagePort)
        } catch {
            close(api)
            throw error
        }
        ports = [.api: TCPSocket.localPort(of: api), .storage: TCPSocket.localPort(of: storage)]
        state.withLock { $0.listeners = [.api: api, .storage: storage] }
    }

    deinit {
        state.withLock { state in
            for listener in state.listeners.values { close(listener) }
        }
    }

    func port(of origin: Origin) -> UInt16 { ports[origin, default: 0] }

    /// Accepts connections for the server on loopback's `serverPort`.
    func open(serverPort: UInt16) throws {
        let listeners = state.withLock { state in
            state.isOpen = true
            return state.listeners
        }
        for (origin, listener) in listeners {
            guard listen(listener, 1_024) == 0 else { throw TCPSocket.Failure("listen", errno) }
            spawn { [self] in acceptConnections(on: listener, origin: origin, serverPort: serverPort) }
        }
    }

    /// Closes every connection and refuses new ones, but keeps the ports.
    func shut() async throws {
        state.withLock { state in
            guard state.isOpen else { return }
            state.isOpen = false
            for listener in state.listeners.values { shutdown(listener, Int32(SHUT_RDWR)) }
            for connection in state.connections.values { connection.hangUp() }
        }
        await withCheckedContinuation { continuation in
            threads.notify(queue: .global()) { continuation.resume() }
        }
        // A port that is bound but not listened on refuses connections, and nobody else gets it.
        for origin in Origin.allCases {
            let replacement = state.withLock { state -> UInt16? in
                guard let listener = state.listeners.removeValue(forKey: origin) else { return nil }
                close(listener)
                return ports[origin]
            }
            guard let port = replacement else { continue }
            let listener = try TCPSocket.bound(toPort: port)
            state.withLock { $0.listeners[origin] = listener }
        }
    }

    /// Where the client of the server's connection from `port` came in.
    func origin(ofConnectionFrom port: UInt16) -> Origin? {
        state.withLock { $0.connections[port]?.origin }
    }

    /// Spoils the next answer on the server's connection from `port`.
    func spoil(_ spoiler: AnswerSpoiler, onConnectionFrom port: UInt16) {
        state.withLock { $0.connections[port]?.spoil(spoiler) }
    }

    private func spawn(_ body: @escaping @Sendable () -> Void) {
        threads.enter()
        let thread = Thread { [threads] in
            body()
            threads.leave()
        }
        thread.stackSize = 256 << 10
        thread.start()
    }

    private func acceptConnections(on listener: Int32, origin: Origin, serverPort: UInt16) {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else {
                if [EINTR, ECONNABORTED, EMFILE, ENFILE].contains(errno) { continue }
                return
            }
            TCPSocket.keepFromChildren(client)
            spawn { [self] in relay(client, origin: origin, serverPort: serverPort) }
        }
    }

    private func relay(_ client: Int32, origin: Origin, serverPort: UInt16) {
        guard let server = try? TCPSocket.connected(toPort: serverPort) else {
            close(client)
            return
        }
        TCPSocket.sendAtOnce(client)
        let connection = RelayedConnection(client: client, server: server, origin: origin)
        let port = TCPSocket.localPort(of: server)
        let isWanted = state.withLock { state in
            guard state.isOpen else { return false }
            state.connections[port] = connection
            return true
        }
        if isWanted { connection.run() }
        state.withLock { state in
            state.connections[port] = nil
            connection.close()
        }
    }
}

/// One client's connection and the one that was made for it to the server.
private final class RelayedConnection: Sendable {
    let origin: Relay.Origin
    private let client: Int32
    private let server: Int32
    private let spoiler = Mutex<AnswerSpoiler?>(nil)

    init(client: Int32, server: Int32, origin: Relay.Origin) {
        self.client = client
        self.server = server
        self.origin = origin
    }

    func spoil(_ spoiler: AnswerSpoiler) { self.spoiler.withLock { $0 = spoiler } }

    /// Makes `run` return; called only before `close`.
    func hangUp() {
        shutdown(client, Int32(SHUT_RDWR))
        shutdown(server, Int32(SHUT_RDWR))
    }

    func close() {
        Glibc.close(client)
        Glibc.close(server)
    }

    /// Carries bytes both ways until one side ends or a fault does.
    func run() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            var ready = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&ready, 2, -1) > 0 else {
                if errno == EINTR { continue }
                return
            }
            if ready[1].revents != 0 {
                let count = recv(server, buffer.baseAddress, buffer.count, 0)
                if count <= 0, spoiler.withLock({ $0?.isSilent ?? false }) {
                    while recv(client, buffer.baseAddress, buffer.count, 0) > 0 {}
                    return
                }
                guard count > 0, answer(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else { return }
            }
            if ready[0].revents != 0 {
                let count = recv(client, buffer.baseAddress, buffer.count, 0)
                guard count > 0, TCPSocket.send(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: server) else {
                    return
                }
            }
        }
    }

    /// Sends the server's bytes on, spoilt if asked for; false when the connection is to end.
    private func answer(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let step = spoiler.withLock { spoiler in spoiler?.pass(bytes) }
        guard let step else { return TCPSocket.send(bytes, to: client) }
        let isSent = step.bytes.withUnsafeBytes { TCPSocket.send($0, to: client) }
        switch step.then {
        case .goOn: return isSent
        case .close: return false
        case .reset:
            TCPSocket.resetOnClose(client)
            return false
        }
    }
}
