import ClaroCommand
import Logging

/// The text of one log line, the same for every destination.
enum LogLine {
    /// Beyond this the text is cut: RFC 3164 lets a log cut at 1,024 bytes, headers included.
    private static let longestText = 960

    /// Message and metadata (`key=value`, by key), on one line, without API keys.
    static func text(_ event: LogEvent, metadata: Logger.Metadata) -> String {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let text = MountFailure.withoutKeys("\(event.message)\(pairs)")
        guard text.utf8.count > longestText else { return text }
        return String(decoding: text.utf8.prefix(longestText), as: UTF8.self) + "…"
    }
}

extension Logger {
    /// The logger of the whole process: the system's log in the background, standard error in the foreground.
    static func forMount(_ request: MountRequest) -> Logger {
        var logger = Logger(label: "mount.claro") { _ in
            let handler: any LogHandler =
                request.isForeground ? StandardErrorHandler(showsTime: request.isVerbose) : SyslogHandler()
            return handler
        }
        logger.logLevel = request.options.logLevel(isVerbose: request.isVerbose)
        return logger
    }
}
