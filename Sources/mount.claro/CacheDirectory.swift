/// Where the cache is, unless the option `cache` says so.
enum CacheDirectory {
    /// The environment variables that decide.
    static let variables = ["CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"]

    /// `$CACHE_DIRECTORY` (systemd), `$XDG_CACHE_HOME/claro`, `/var/cache/claro` for root, else `$HOME/.cache/claro`.
    /// Only absolute paths count. Nil where nothing fits.
    static func standard(environment: [String: String], isRoot: Bool) -> String? {
        func path(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        if let directory = path("CACHE_DIRECTORY")?.split(separator: ":").first { return String(directory) }
        if let directory = path("XDG_CACHE_HOME") { return directory + "/claro" }
        if isRoot { return "/var/cache/claro" }
        return path("HOME").map { $0 + "/.cache/claro" }
    }
}
