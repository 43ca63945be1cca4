import ClaroAPI
import ClaroCommand
import ClaroFS
import Logging
import SystemPackage

/// A library that a subcommand works on, from the key to the store.
final class LibrarySession: Sendable {
    let access: LibraryAccess
    let credentials: Credentials
    let client: ClaroClient
    let tree: LibraryTree
    private let faults: LastMessage

    /// To be called while there is one thread: the key is taken out of the environment.
    init(_ access: LibraryAccess) throws(MountFailure) {
        self.access = access
        credentials = try access.findCredentials()
        let faults = LastMessage()
        self.faults = faults
        var logger = Logger(label: "claro") { _ in faults }
        logger.logLevel = .warning
        client = ClaroClient(
            configuration: access.clientConfiguration(of: "claro"),
            credentials: credentials,
            logger: logger
        )
        tree = LibraryTree(try access.fileSystemConfiguration(logger), client: client, logger: logger)
    }

    /// Runs `body` to its end; says what was served stale, and closes the library.
    func run(_ body: @escaping @Sendable (LibrarySession) async throws -> Void) throws {
        let outcome = waitForTask { () async -> Result<Void, any Error> in
            do { return .success(try await body(self)) } catch { return .failure(error) }
        }
        tree.end()
        client.shutdown()
        for (subject, cause) in tree.stale {
            StandardError.write("claro: \(MountFailure.withoutKeys("\(subject) could not be renewed: \(cause)"))\n")
        }
        try outcome.get()
    }

    /// Why something cannot be had, and what to do.
    func failure(_ error: Errno, at subject: some CustomStringConvertible) -> CommandFailure {
        let cause = faults.last.map { ": \($0)" } ?? ""
        switch error {
        case .noSuchFileOrDirectory: return CommandFailure(.finding, "there is no \(subject)")
        case .isDirectory: return CommandFailure(.usage, "\(subject) is a directory: `claro ls` lists it")
        case .notDirectory: return CommandFailure(.usage, "\(subject) is a file: `claro cat` prints it")
        case .permissionDenied:
            return CommandFailure(.failure, "\(subject) is closed to the key in \(credentials)\(cause)")
        case .resourceTemporarilyUnavailable:
            return CommandFailure(.failure, "the key's rate limit is spent\(cause): try again later")
        case .noRouteToHost, .timedOut:
            return CommandFailure(
                .failure,
                "\(subject) is not in the cache, and \(access.source.baseURL) cannot be reached\(cause)"
                    + ": check address and network"
            )
        default: return CommandFailure(.failure, "\(subject) cannot be had\(cause.isEmpty ? ": \(error)" : cause)")
        }
    }
}
