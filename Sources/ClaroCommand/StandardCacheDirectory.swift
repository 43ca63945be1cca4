import Glibc

/// Where the cache is, unless the option `cache` says so.
enum StandardCacheDirectory {
    /// For this process; nil where nothing fits.
    static var path: String? {
        // Variables are asked for by name: the rest of the environment may hold the key.
        var environment: [String: String] = [:]
        for name in ["CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        return path(environment: environment, isRoot: geteuid() == 0)
    }

    /// `$CACHE_DIRECTORY` (systemd), `$XDG_CACHE_HOME/claro`, `/var/cache/claro` for root, else `$HOME/.cache/claro`.
    /// Only absolute paths count. Nil where nothing fits.
    static func path(environment: [String: String], isRoot: Bool) -> String? {
        func path(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        if let directory = path("CACHE_DIRECTORY")?.split(separator: ":").first { return String(directory) }
        if let directory = path("XDG_CACHE_HOME") { return directory + "/claro" }
        if isRoot { return "/var/cache/claro" }
        return path("HOME").map { $0 + "/.cache/claro" }
    }
}
