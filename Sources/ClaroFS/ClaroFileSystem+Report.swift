import ClaroAPI
import FUSE

/// `.claro`: what the mount is doing, as files. Each is made when it is looked up, so its size is true and reading it
/// in pieces gives one picture.
extension ClaroFileSystem {
    static let controlName: FileName = ".claro"
    static let reportNames: [FileName] = ["status.json", "metrics"]

    func enterReport(_ name: FileName) -> Entry {
        guard let file = report(name) else { return .missing(for: Freshness.forever) }
        let node = Node.report(file)
        let inode = inodes.enterTransient(node)
        return Entry(attributes(of: node, inode), attributeLifetime: Freshness.forever, entryLifetime: .zero)
    }

    private func report(_ name: FileName) -> TextFile? {
        switch name {
        case "status.json":
            TextFile(name, status.serialized(), modified: .now(), mimeType: "application/json")
        case "metrics":
            TextFile(name, Array(metrics.utf8), modified: .now(), mimeType: "text/plain; version=0.0.4")
        default: nil
        }
    }
}

extension ClientStatistics.Outcome {
    var label: String {
        switch self {
        case .status(let status): "\(status)"
        case .failure(let code): code.rawValue
        }
    }
}

extension Duration {
    var wholeSeconds: Int { Int(components.seconds) }
}
