import ClaroEmulator
import Foundation
import TestSupport

/// The way from mounts to the emulator that a fault of the matrix spoils.
final class FaultRoute {
    let emulator: Emulator
    private let scratch: ScratchDirectory
    private let source: String
    private var options: [String]
    /// What a mount's own view of the machine is made with; nil: it has none.
    private var preparation: String?
    private var front: TLSFront?

    /// A name that only `/etc/hosts` knows.
    private static let hostName = "claro.test"

    /// Nothing is believed longer than a look at it.
    private static let options = ["ttl=0", "draft_ttl=0", "negative_ttl=0", "xattr"]

    init(_ fault: MatrixFault, to emulator: Emulator, in scratch: ScratchDirectory) async throws {
        self.emulator = emulator
        self.scratch = scratch
        options = Self.options + ["timeout=\(fault.timeout)"]
        let hostName: String
        switch fault.cause {
        case .api, .storage, .refused:
            source = emulator.url
            return
        case .stranger: hostName = "localhost"
        case .nameless: hostName = Self.hostName
        }
        let front = try await offPool { try TLSFront(to: emulator, hostName: hostName) }
        self.front = front
        source = front.url
        // The front's own goes with it.
        let authority = try scratch.write(Data(contentsOf: URL(fileURLWithPath: front.caFile)), to: "ca.pem")
        options.append("cafile=\(authority)")
        guard fault.isNameless else { return }
        let hosts = try scratch.write("127.0.0.1 localhost \(hostName)\n".utf8, to: "hosts", mode: 0o644)
        // Nobody serves names here, and the kernel says so at once.
        let resolver = try scratch.write("nameserver 127.0.0.1\n".utf8, to: "resolv.conf", mode: 0o644)
        preparation = "mount --bind \(hosts) /etc/hosts; mount --bind \(resolver) /etc/resolv.conf"
    }

    func start(at name: String = "mount", _ more: [String] = []) async throws -> MountFixture {
        try await .start(
            emulator,
            source: source,
            in: scratch,
            at: name,
            options: options + more,
            preparation: preparation
        )
    }

    /// From now on the fault is there.
    func begin(_ fault: MatrixFault) async throws {
        switch fault.cause {
        case .api(let fault, let times):
            emulator.inject(fault, on: .operation(.getPrompt, .listPrompts, .downloadURL), times: times)
        case .storage(let fault, let times):
            emulator.inject(fault, on: .storage, times: times)
        case .refused:
            await emulator.stop()
        case .stranger:
            guard let front else { return }
            let emulator = emulator
            self.front = try await offPool {
                front.stop()
                return try TLSFront(to: emulator, port: front.port)
            }
        case .nameless:
            _ = try scratch.write("127.0.0.1 localhost\n".utf8, to: "hosts", mode: 0o644)
        }
    }

    func close() async throws {
        guard let front else { return }
        try await offPool { front.stop() }
    }
}
