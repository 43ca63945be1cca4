import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS
import SystemPackage

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks for what keeps mounts from working, and says how to cure it.",
        discussion: "Costs one request. Exit code 1: there is a problem."
    )

    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        let access = try library.access()
        var findings = SystemCheck.findings
        findings += CacheCheck(access).findings
        findings += LibraryCheck(access).findings
        findings += try MountTable.current().mounts.filter(\.isClaro).map { MountStatus(of: $0).finding }
        if json.isWanted {
            try StandardOutput.write(.members(["findings": .array(findings.map(\.json))]))
        } else {
            for finding in findings { try StandardOutput.write(line: finding.line) }
        }
        if findings.contains(where: { $0.severity == .problem }) { throw Outcome.finding }
    }
}

extension MountStatus {
    fileprivate var finding: Finding {
        let path = mount.path.string
        return switch state {
        case .ok: Finding("mount", .ok, "\(path) answers")
        case .closed: Finding("mount", .ok, "\(path) is another user's")
        case .stale:
            Finding(
                "mount",
                .warning,
                "\(path) could not renew all that it serves",
                cure: "`claro status \(path)` says why"
            )
        case .unreadable:
            Finding("mount", .warning, "\(path) does not tell its status", cure: "mount it anew with this release")
        case .hung:
            Finding("mount", .problem, "\(path) does not answer", cure: "`umount -l \(path)`, and mount it anew")
        case .dead: Finding("mount", .problem, "\(path) is dead", cure: "`umount \(path)`, and mount it anew")
        }
    }
}
