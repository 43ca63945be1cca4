import ClaroCommand
import Glibc
import SystemPackage

/// What the system must have for mounts to work, and to work well.
enum SystemCheck {
    static var findings: [Finding] { [device, sharing, indexer].compactMap(\.self) }

    private static var device: Finding {
        do throws(MountFailure) {
            try FUSEDevice.check(allowsOtherUsers: false)
            return Finding("fuse", .ok, "this user can mount")
        } catch {
            return Finding(
                "fuse",
                .problem,
                "\(error)",
                cure: "until then, `claro ls` and `claro cat` do without a mount"
            )
        }
    }

    private static var sharing: Finding {
        if geteuid() == 0 { return Finding("fuse.conf", .ok, "root may mount with allow_other") }
        guard FUSEDevice.isAllowedToShare(configuration: "/etc/fuse.conf") else {
            return Finding(
                "fuse.conf",
                .ok,
                "allow_other is for root alone; a line user_allow_other in /etc/fuse.conf would let you, too"
            )
        }
        return Finding("fuse.conf", .ok, "you may mount with allow_other")
    }

    // MARK: updatedb

    private static let indexerConfiguration = "/etc/updatedb.conf"

    /// nil: nothing indexes this machine's files.
    private static var indexer: Finding? {
        guard let bytes = try? ProcFile.bytes(indexerConfiguration) else { return nil }
        guard !isPruned(by: String(decoding: bytes, as: UTF8.self)) else {
            return Finding("updatedb", .ok, "it passes over mounts")
        }
        return Finding(
            "updatedb",
            .warning,
            "every night it walks through mounts, at your requests' cost",
            cure: "add fuse.claro to PRUNEFS in \(indexerConfiguration)"
        )
    }

    /// Whether updatedb passes over this type of filesystem (updatedb.conf(5)).
    static func isPruned(by configuration: String) -> Bool {
        let values = configuration.split(separator: "\n").compactMap { line -> Substring? in
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].filter({ !$0.isWhitespace }) == "PRUNEFS" else { return nil }
            return parts[1]
        }
        return values.contains { value in
            value.split { $0.isWhitespace || $0 == "\"" }.contains { $0.lowercased() == "fuse.claro" }
        }
    }
}
