import Foundation

/// TLS in front of an emulator, with a certificate authority made for the occasion.
///
/// Needs openssl(1) and stunnel4 or, for HTTP/2, nghttpx(1). Everything lies in a temporary directory, which `stop()` removes.
package final class TLSFront: Sendable {
    /// The API's base URL over TLS.
    package let url: String
    package let port: UInt16
    /// The authority's certificate in PEM; the only one that vouches for `url`.
    package let caFile: String

    private let directory: URL
    private let guardian: PipedProcess

    package enum Kind: Sendable {
        /// Passes bytes on as they are: HTTP/1.1, as the emulator speaks it.
        case tunnel
        /// A proxy that speaks HTTP/2.
        case http2
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Starts the program as a child and returns when it accepts connections. Blocks the calling thread for a second or so.
    ///
    /// - Parameters:
    ///   - emulator: The server behind, by its API's port.
    ///   - hostName: What the certificate vouches for; any other name fails verification.
    ///   - port: Where to listen; nil is any that is free.
    ///   - kind: What to start.
    /// - Throws: `Failure` when one of the programs does not do its part.
    package init(
        to emulator: Emulator,
        hostName: String = "localhost",
        port: UInt16? = nil,
        kind: Kind = .tunnel
    ) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "claro-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        do {
            try Self.makeCertificates(in: directory, hostName: hostName)
            let port = try port ?? Self.freePort()
            let target = String(emulator.url.dropFirst("http://".count))
            let command =
                switch kind {
                case .tunnel: try Self.tunnel(from: port, to: target, in: directory)
                case .http2: Self.proxy(from: port, to: target, in: directory)
                }
            guardian = try PipedProcess("sh", ["-c", Self.guardScript] + command, keepsOutput: false)
            self.directory = directory
            self.port = port
            url = "https://\(hostName):\(port)"
            caFile = directory.appending(path: "ca.pem").path
            try Self.waitUntilAccepting(port)
        } catch {
            try? FileManager.default.removeItem(at: directory)
            throw error
        }
    }

    deinit { stop() }

    /// Of requests that were answered over HTTP/2, the protocol and the client's port.
    package var answered: [(protocolName: String, port: UInt16)] {
        get throws {
            let log = try String(contentsOf: directory.appending(path: Self.accessLogName), encoding: .utf8)
            return log.split(separator: "\n").map { line in
                let words = line.split(separator: " ")
                return (String(words[0]), UInt16(words[1]) ?? 0)
            }
        }
    }

    /// Ends the program and removes its files.
    package func stop() {
        guardian.closeInput()
        guardian.wait()
        try? FileManager.default.removeItem(at: directory)
    }

    /// A shell that keeps the program until its input ends, which it also does when this process is killed.
    private static let guardScript = "\"$0\" \"$@\" & read _; kill $!; wait $!"

    private static func tunnel(from port: UInt16, to target: String, in directory: URL) throws -> [String] {
        let lines = [
            "foreground = yes", "pid =", "socket = l:SO_REUSEADDR=1", "[claro]", "accept = 127.0.0.1:\(port)",
            "connect = \(target)", "cert = \(directory.path)/server.pem", "key = \(directory.path)/server.key",
        ]
        let settings = directory.appending(path: "stunnel.conf")
        try (lines.joined(separator: "\n") + "\n").write(to: settings, atomically: true, encoding: .utf8)
        return ["stunnel4", settings.path]
    }

    private static let accessLogName = "access.log"

    private static func proxy(from port: UInt16, to target: String, in directory: URL) -> [String] {
        [
            "nghttpx", "--conf=/dev/null", "--single-process", "--workers=1", "--no-ocsp",
            "--frontend=127.0.0.1,\(port)", "--backend=\(target.replacing(":", with: ","))",
            "--accesslog-file=\(directory.path)/\(accessLogName)", "--accesslog-format=$alpn $remote_port",
            "--errorlog-file=\(directory.path)/errors.log", "\(directory.path)/server.key",
            "\(directory.path)/server.pem",
        ]
    }

    private static func makeCertificates(in directory: URL, hostName: String) throws {
        let names = directory.appending(path: "names.ext")
        try "subjectAltName = DNS:\(hostName)\nextendedKeyUsage = serverAuth\n"
            .write(to: names, atomically: true, encoding: .utf8)
        let commands = [
            "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.pem -subj /CN=emulator-authority",
            "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=\(hostName)",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names.ext -out server.pem",
        ]
        for command in commands {
            let arguments = ["-C", directory.path, "openssl"] + command.split(separator: " ").map(String.init)
            let (status, output) = try PipedProcess.run("env", arguments)
            guard status == 0 else { throw Failure(description: "openssl \(command): \(output)") }
        }
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = try TCPSocket.bound(toPort: 0)
        defer { close(descriptor) }
        return TCPSocket.localPort(of: descriptor)
    }

    /// The programs say nothing when they are ready, so they are asked, for ten seconds at most.
    private static func waitUntilAccepting(_ port: UInt16) throws {
        for _ in 0..<500 {
            if let descriptor = try? TCPSocket.connected(toPort: port) {
                close(descriptor)
                return
            }
            usleep(20_000)
        }
        throw Failure(description: "nobody accepts connections on port \(port)")
    }
}
