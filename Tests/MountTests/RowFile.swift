import Foundation

/// A table in Markdown, row by row into the file that `CLARO_MATRIX` names (see `scripts/matrix`). Before each row is its
/// number: rows come in any order.
enum RowFile {
    static let path = ProcessInfo.processInfo.environment["CLARO_MATRIX"]

    static func addTitles(_ titles: [String]) throws {
        try add(titles, number: 0)
        try add(titles.map { _ in "---" }, number: 0)
    }

    static func add(_ columns: [String], number: Int) throws {
        guard let path else { return }
        let row = "\(number)\t\(text(columns))\n"
        let descriptor = try check(open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600))
        defer { close(descriptor) }
        try check(write(descriptor, row, row.utf8.count))
    }

    static func text(_ columns: [String]) -> String { "| \(columns.joined(separator: " | ")) |" }
}
