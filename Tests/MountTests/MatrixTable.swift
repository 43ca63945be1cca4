import Foundation
import TestSupport

/// The fault matrix as a table in Markdown, row by row into the file that `CLARO_MATRIX` names (see `scripts/matrix`).
enum MatrixTable {
    private static let file = ProcessInfo.processInfo.environment["CLARO_MATRIX"]

    /// Fewer mounts at a time where waits are measured.
    static let places = file == nil ? MountFixture.places : Places(3)

    /// Longer than this no call may take: the deadline and a second where the table is made; else what can only be
    /// hanging.
    static func bound(of fault: MatrixFault) -> Duration { .seconds(fault.timeout + (file == nil ? 30 : 1)) }

    /// Adds a row, with its number before it: rows come in any order.
    ///
    /// - Parameters:
    ///   - fault: Whose row it is.
    ///   - outcomes: What each system call came to, as far as it is one of those that there can be.
    ///   - longestWait: Of any of them.
    ///   - looks: What looks at the root took meanwhile.
    /// - Throws: What writing to the file comes to.
    static func add(
        _ fault: MatrixFault,
        _ outcomes: [MatrixCell: MatrixFault.Outcome],
        longestWait: Duration,
        _ looks: RootWatch.Longest
    ) throws {
        guard let file, let number = MatrixFault.all.firstIndex(where: { $0.testDescription == fault.testDescription })
        else { return }
        let columns = MatrixOperation.allCases.map { operation in
            [true, false].map { isCached in
                let cell = MatrixCell(operation, isCached: isCached)
                guard fault.cells.contains(cell) else { return "–" }
                let isRight = outcomes[cell] == fault.outcome(of: cell)
                return (isRight ? "" : "✘ ") + (outcomes[cell]?.text ?? "something else")
            }.joined(separator: " · ")
        }
        let times = ["\(fault.timeout) s", longestWait.text, looks.stat.text, looks.statfs.text]
        var rows = row(number + 1, [fault.testDescription] + columns + times)
        if number == 0 {
            let names = MatrixOperation.allCases.map(\.rawValue)
            let titles = ["known · new"] + names + ["deadline", "longest wait", "stat /", "statfs /"]
            rows = row(0, titles) + row(0, titles.map { _ in "---" }) + rows
        }
        let descriptor = try check(open(file, O_WRONLY | O_APPEND | O_CREAT, 0o600))
        defer { close(descriptor) }
        try check(write(descriptor, rows, rows.utf8.count))
    }

    private static func row(_ number: Int, _ columns: [String]) -> String {
        "\(number)\t| \(columns.joined(separator: " | ")) |\n"
    }
}

extension MatrixFault.Outcome {
    fileprivate var text: String {
        switch self {
        case .served: "served"
        case .current: "current"
        case .fails(let code): "\(code)"
        }
    }
}

extension Duration {
    fileprivate var text: String {
        let milliseconds = Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
        return milliseconds < 1_000
            ? String(format: "%.1f ms", milliseconds) : String(format: "%.1f s", milliseconds / 1_000)
    }
}
