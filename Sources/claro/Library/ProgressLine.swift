import ClaroAPI
import ClaroCommand
import Synchronization

/// A line on a terminal that says how far something is, written over again and again.
final class ProgressLine: Sendable {
    private static let barWidth = 24

    private let start = ContinuousClock.now
    private let shown = Mutex<ContinuousClock.Instant?>(nil)

    /// The bar, the rate, the remaining time, and what is left of the budget; ten times a second at most.
    func show(done: Int, of total: Int, _ statistics: ClientStatistics) {
        let now = ContinuousClock.now
        let isDue = done == total || shown.withLock { shown in shown.map { now - $0 > .milliseconds(100) } ?? true }
        guard isDue else { return }
        shown.withLock { $0 = now }
        let seconds = max(0.001, (now - start) / .seconds(1))
        let rate = Double(done) / seconds
        let remaining = Int((Double(total - done) / max(rate, 0.001)).rounded())
        let filled = total == 0 ? Self.barWidth : Self.barWidth * done / total
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: Self.barWidth - filled)
        write("[\(bar)] \(done)/\(total)  \(Int(rate.rounded()))/s  \(remaining) s left  \(Self.budget(statistics))")
    }

    /// That the budget is spent for now.
    func wait(_ statistics: ClientStatistics) { write("waiting for the rate limit  \(Self.budget(statistics))") }

    func end() { StandardError.write("\n") }

    private static func budget(_ statistics: ClientStatistics) -> String {
        "budget \(statistics.minute.left)/min \(statistics.hour.left)/h"
    }

    /// Returns to the line's beginning and erases what stood there (ECMA-48, EL).
    private func write(_ text: String) { StandardError.write("\r\u{1B}[K\(text)") }
}
