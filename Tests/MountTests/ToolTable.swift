import Foundation

/// The programs and what they come to, as a table in Markdown: in Tools.md, and from `scripts/matrix tools`.
enum ToolTable {
    static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/ClaroFS/Documentation.docc/Tools.md")

    private static let titles = ["program", "what it does", "on a mount"]

    /// All of it, where every test passes.
    static var text: String {
        let rows = [titles, titles.map { _ in "---" }] + Tool.all.map { row(of: $0, isRight: true) }
        return rows.map(RowFile.text).joined(separator: "\n")
    }

    /// Adds a program's row to the file that `scripts/matrix` names, as it was just seen.
    static func add(_ tool: Tool, isRight: Bool) throws {
        guard let number = Tool.all.firstIndex(where: { $0.testDescription == tool.testDescription }) else { return }
        if number == 0 { try RowFile.addTitles(titles) }
        try RowFile.add(row(of: tool, isRight: isRight), number: number + 1)
    }

    private static func row(of tool: Tool, isRight: Bool) -> [String] {
        let result =
            switch tool.result {
            case .same: "the same"
            case .prints(let text, let reason):
                "\(text.split(separator: "\n").map { "`\($0)`" }.joined(separator: ", ")): \(reason)"
            }
        return [tool.program, tool.use, isRight ? result : "✘ something else"]
    }
}
