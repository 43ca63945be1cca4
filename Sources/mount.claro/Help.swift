import ClaroAPI
import ClaroCommand

/// The texts that explain the program.
enum Help {
    static let usage = "mount.claro [SOURCE] MOUNTPOINT [-o OPTION,…] [-fnsv] [--foreground]"

    static let abstract = "Shows a Claro prompt library as plain files."

    /// The whole of `--help`, in lines of at most 80 characters.
    static let text = """
        \(abstract)

        Usage: \(usage)

        Examples:
          mount.claro ~/prompts                         your library, in the background
          mount.claro http://127.0.0.1:8080 ~/prompts   another server
          mount.claro ~/prompts -o ttl=5m,lazy          with options
          umount ~/prompts                              the end (or: fusermount3 -u)

        Arguments:
          SOURCE          the API's address, or claro for \(BaseURL.claro)
          MOUNTPOINT      an empty directory
          -o OPTION,…     options, see below; may be given several times
          -f, --fake      check everything, mount nothing
          -n              accepted for mount(8)
          -s              pass over unknown options
          -v, --verbose   tell more
          --foreground    stay in the foreground, log to standard error
          -h, --help      this text
          --version       the version

        \(options)

        The API key is looked for in -o credentials=FILE, $BAYT_API_KEY,
        $CREDENTIALS_DIRECTORY/claro-api-key, $XDG_CONFIG_HOME/claro/credentials
        (~/.config), /etc/claro/credentials, in this order. A file that others can read
        is refused.

        The cache is in $XDG_CACHE_HOME/claro, else ~/.cache/claro (for root
        /var/cache/claro).

        In /etc/fstab:  claro  /srv/prompts  claro  _netdev,allow_other  0  0

        Exit codes are mount(8)'s: 0 mounted, 1 wrong arguments or no permission,
        2 system error, 4 internal error, 8 interrupted, 32 not mounted.
        """

    /// What `-o help` prints.
    static let options: String = {
        let table = MountOption.allCases.flatMap { rows($0) }
        return """
            Options (TIME: 90 or 90s, 500ms, 5m, 1h, 1d; SIZE: bytes or 64K, 512M, 1G, 2T):
            \(table.joined(separator: "\n"))
              ro, rw, noexec, noauto, user, _netdev, nofail, x-…: as in mount(8). The mount
              is always read-only; _netdev and nofail imply lazy.
            """
    }()

    /// Name, default, first line; then the other lines below the first.
    private static func rows(_ option: MountOption) -> [String] {
        let name = padded(option.rawValue + (option.placeholder.map { "=\($0)" } ?? ""), to: 20)
        let first = "  \(name) \(padded(option.defaultText, to: 12)) \(option.summary[0])"
        return [first] + option.summary.dropFirst().map { padded("", to: 36) + $0 }
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
