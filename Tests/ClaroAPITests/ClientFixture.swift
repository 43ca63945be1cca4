import ClaroEmulator
import Logging
import Synchronization
import Testing

@testable import ClaroAPI

/// A client and the emulator it talks to.
struct ClientFixture {
    let emulator: Emulator
    let client: ClaroClient
    let clock: TestClock
    let log: LogRecorder

    static let key = "sk_test_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"

    /// Starts both, runs `body`, and stops both.
    static func with(
        _ workspace: Workspace = .small,
        emulator emulatorConfiguration: Emulator.Configuration = .init(),
        credentials: Credentials? = nil,
        client change: (inout ClaroClient.Configuration) throws -> Void = { _ in },
        _ body: (ClientFixture) async throws -> Void
    ) async throws {
        let emulator = try await Emulator.start(workspace, configuration: emulatorConfiguration)
        let clock = TestClock()
        let log = LogRecorder()
        var configuration = ClaroClient.Configuration(baseURL: try BaseURL(emulator.url))
        configuration.clock = clock.clientClock
        try change(&configuration)
        let client = ClaroClient(
            configuration: configuration,
            credentials: try credentials ?? Credentials(key: key),
            logger: log.logger
        )
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(ClientFixture(emulator: emulator, client: client, clock: clock, log: log)))
        } catch {
            result = .failure(error)
        }
        client.shutdown()
        await emulator.stop()
        try result.get()
    }

    /// The prompt of a version that must be there.
    func prompt(
        _ namespace: String = "acme",
        _ slug: String = "support",
        _ selector: PackageName.Selector = .version(.published(1))
    ) async throws -> ClaroAPI.Prompt {
        guard case .prompt(let prompt) = try await client.getPrompt(.make(namespace, slug, selector)) else {
            throw UnexpectedAnswer()
        }
        return prompt
    }
}

struct UnexpectedAnswer: Error {}

extension PackageName {
    static func make(
        _ namespace: String = "acme",
        _ slug: String = "support",
        _ selector: Selector = .version(.published(1))
    ) throws -> PackageName {
        PackageName(try #require(PromptName(namespace: namespace, slug: slug)), selector)
    }
}

extension Workspace {
    /// Two published versions, a draft, and one file.
    static let small: Workspace = [
        "acme": [
            Workspace.Prompt(
                "support",
                title: "Support",
                versions: [
                    .init("one", system: "be kind", context: [.file("faq.pdf", .text("file bytes"), id: "ctx_faq")]),
                    .init("two"),
                ],
                draft: .init("three")
            )
        ]
    ]
}

/// A clock on which sleeping takes no time: it puts the clock forward. Nothing else does, but calendar time, which
/// servers see as well, also goes its way.
final class TestClock: Sendable {
    private struct State {
        var elapsed = Duration.zero
        var sleeps: [Duration] = []
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now

    var sleeps: [Duration] { state.withLock(\.sleeps) }

    var now: ContinuousClock.Instant { start + state.withLock(\.elapsed) }

    func advance(by duration: Duration) {
        state.withLock { $0.elapsed += duration }
    }

    var clientClock: ClientClock {
        ClientClock(
            now: { self.now },
            wallTime: {
                let seconds = self.state.withLock(\.elapsed).components.seconds
                return Timestamp(seconds: Timestamp.now().seconds + seconds)
            },
            sleep: { duration in
                try Task.checkCancellation()
                self.state.withLock { state in
                    state.sleeps.append(duration)
                    state.elapsed += duration
                }
            },
            random: { 0 }
        )
    }
}

/// Keeps what is logged, at every level.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.recorded.withLock { $0.append("\(event.message)") }
        }
    }
}
