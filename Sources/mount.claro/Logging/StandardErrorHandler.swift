import ClaroCommand
import Glibc
import Logging

/// Writes log lines to standard error: level and message, and the time of day in a verbose run.
struct StandardErrorHandler: LogHandler {
    var logLevel: Logger.Level = .notice
    var metadata: Logger.Metadata = [:]
    private let showsTime: Bool

    init(showsTime: Bool) {
        self.showsTime = showsTime
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let time = showsTime ? Self.timeOfDay() + " " : ""
        StandardError.write("\(time)\(event.level): \(LogLine.text(event, metadata: metadata))\n")
    }

    /// Local time, to the millisecond: `09:05:01.250`.
    private static func timeOfDay() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var local = tm()
        localtime_r(&now.tv_sec, &local)
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let clock = [local.tm_hour, local.tm_min, local.tm_sec].map { digits(Int($0), 2) }.joined(separator: ":")
        return "\(clock).\(digits(now.tv_nsec / 1_000_000, 3))"
    }
}
