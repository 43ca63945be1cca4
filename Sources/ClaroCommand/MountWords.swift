/// The words of `-o` that are not this program's options.
enum MountWords {
    /// The network, or the mount itself, may be missing at boot: such a mount waits for neither.
    static let implyLazy: Set<String> = ["_netdev", "_rnetdev", "nofail"]

    /// mount(8), fstab(5) and systemd.mount(5) act on these themselves. `default_permissions` is what every mount of this
    /// program has anyway, `subtype` always claro.
    private static let system: Set<String> = [
        "auto", "noauto", "nouser", "nousers", "noowner", "nogroup", "remount", "silent", "loud", "mand", "nomand",
        "iversion", "noiversion", "lazytime", "nolazytime", "comment", "helper", "uhelper", "bootwait", "nobootwait",
        "default_permissions", "subtype",
    ]

    /// What the kernel shows for a FUSE mount. On a remount mount(8) gives it back to us from the mount table.
    private static let mountTable: Set<String> = ["user_id", "group_id", "rootmode", "fd", "max_read", "blksize"]

    /// Names under which people try to pass a key.
    private static let keyNames: Set<String> = [
        "key", "apikey", "api_key", "api-key", "token", "access_token", "secret", "password", "passwd", "pass",
        "bearer",
        "authorization", "bayt_api_key", "claro_api_key",
    ]

    /// Whether an option is for others to act on, and so is neither an error nor passed on.
    static func areAccepted(_ name: String, isRemount: Bool) -> Bool {
        system.contains(name) || name.hasPrefix("x-") || name.hasPrefix("X-")
            || (isRemount && mountTable.contains(name))
    }

    /// Whether this is an API key, or an attempt to give one.
    static func areKey(_ name: String, _ value: String?) -> Bool {
        keyNames.contains(name.lowercased()) || name.hasPrefix("sk_") || value?.hasPrefix("sk_") == true
    }

    /// The known name that `name` is most likely a slip of: at most two letters off, and at most a third of them.
    static func nearest(to name: String) -> String? {
        let name = name.lowercased()
        let known = MountOption.allCases.map(\.rawValue) + implyLazy.sorted() + system.sorted() + ["ro", "noexec"]
        // A letter more or less is one off.
        let near = known.filter { abs($0.count - name.count) <= 2 }
        let distances = near.map { (name: $0, distance: distance(name, $0)) }
        guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= min(2, max(1, name.count / 3)) ? best.name : nil
    }

    /// Levenshtein's: the letters to insert, remove or replace on the way from one to the other. A hyphen counts as
    /// an underscore.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (index, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let isSame = letter == right[column] || (letter == "-" && right[column] == "_")
                let replaced = diagonal + (isSame ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
