import Foundation
import TestSupport

/// The fault matrix as a table in Markdown, row by row into the file that `CLARO_MATRIX` names (see `scripts/matrix`).
enum MatrixTable {
    /// Fewer mounts at a time where waits are measured.
    static let places = RowFile.path == nil ? MountFixture.places : Places(3)

    /// Longer than this no call may take: the deadline and a second where the table is made; else what can only be
    /// hanging.
    static func bound(of fault: MatrixFault) -> Duration { .seconds(fault.timeout + (RowFile.path == nil ? 30 : 1)) }

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
        guard let number = MatrixFault.all.firstIndex(where: { $0.testDescription == fault.testDescription }) else {
            return
        }
        let columns = MatrixOperation.allCases.map { operation in
            [true, false].map { isCached in
                let cell = MatrixCell(operation, isCached: isCached)
                guard fault.cells.contains(cell) else { return "–" }
                let isRight = outcomes[cell] == fault.outcome(of: cell)
                return (isRight ? "" : "✘ ") + (outcomes[cell]?.text ?? "something else")
            }.joined(separator: " · ")
        }
        let times = ["\(fault.timeout) s", longestWait.text, looks.stat.text, looks.statfs.text]
        if number == 0 {
            let names = MatrixOperation.allCases.map(\.rawValue)
            try RowFile.addTitles(["known · new"] + names + ["deadline", "longest wait", "stat /", "statfs /"])
        }
        try RowFile.add([fault.testDescription] + columns + times, number: number + 1)
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
