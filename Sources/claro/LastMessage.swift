import Logging
import Synchronization

/// Keeps the last thing that was logged: in a command it explains the errno that follows.
final class LastMessage: LogHandler {
    private let message = Mutex<String?>(nil)

    var last: String? { message.withLock { $0 } }

    var logLevel: Logger.Level {
        get { .warning }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) { message.withLock { $0 = "\(event.message)" } }
}
