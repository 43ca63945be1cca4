import ClaroAPI
import ClaroCommand
import ClaroFS
import Logging
import Synchronization

/// The key, the way to the API, and the clock.
struct LibraryCheck {
    private let access: LibraryAccess

    init(_ access: LibraryAccess) { self.access = access }

    var findings: [Finding] {
        let credentials: Credentials
        do throws(MountFailure) {
            credentials = try access.findCredentials()
        } catch {
            return [Finding("key", .problem, "\(error)")]
        }
        return [Finding("key", .ok, "found in \(credentials)")] + reachability(credentials)
    }

    private func reachability(_ credentials: Credentials) -> [Finding] {
        let client = ClaroClient(
            configuration: access.clientConfiguration(of: "claro"),
            credentials: credentials,
            logger: Logger(label: "claro") { _ in SwiftLogNoOpLogHandler() }
        )
        defer { client.shutdown() }
        let result = waitForTask { () async -> Result<AccessCheck, APIError> in
            do throws(APIError) { return .success(try await client.checkAccess()) } catch { return .failure(error) }
        }
        switch result {
        case .success(let check):
            let milliseconds = Int((check.roundTrip / .milliseconds(1)).rounded())
            let answer = Finding(
                "api",
                .ok,
                "\(access.source.baseURL) takes the key, and answers in \(milliseconds) ms"
            )
            return [answer] + (check.clockOffset.map { [Self.clock($0)] } ?? [])
        case .failure(let error):
            return [Finding("api", .problem, access.explain(error, credentials))]
        }
    }

    /// Ages of what is stored, and certificates, are judged by this machine's clock.
    static func clock(_ offset: Duration) -> Finding {
        let seconds = offset.components.seconds
        guard seconds.magnitude > 60 else { return Finding("clock", .ok, "it is that of the server") }
        return Finding(
            "clock",
            .problem,
            "it is \(seconds.magnitude) s \(seconds > 0 ? "behind" : "ahead of") the server's",
            cure: "`timedatectl set-ntp true` keeps it right"
        )
    }
}
