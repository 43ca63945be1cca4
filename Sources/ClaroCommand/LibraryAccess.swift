import ClaroAPI
import ClaroFS
import Glibc
import Logging
import SystemPackage

/// What a command needs to get at a library: its address, the options, and the place of what is kept of it. Whoever
/// has the same three and the same key works on the same store.
package struct LibraryAccess: Equatable, Sendable {
    package let source: MountSource
    /// File names in it are absolute.
    package let options: MountOptions
    /// Where fetched things are kept; nil for nowhere.
    package let cacheDirectory: FilePath?

    /// Checks what can be checked without the network.
    ///
    /// - Throws: `MountFailure` with exit code 1.
    package init(source: MountSource, options: MountOptions) throws(MountFailure) {
        var options = options
        options.credentialsFile = try options.credentialsFile.map(Self.readableFile)
        options.caFile = try options.caFile.map(Self.readableFile)
        options.lockFile = options.lockFile.map { Self.absolute($0).string }
        self.source = source
        self.options = options
        switch options.cache {
        case .none: cacheDirectory = nil
        case .directory(let path): cacheDirectory = Self.absolute(path)
        case .automatic:
            guard let path = StandardCacheDirectory.path else {
                throw MountFailure(.usage, "there is no place for the cache: set HOME, or give cache=DIR or cache=none")
            }
            cacheDirectory = FilePath(path)
        }
    }

    private static func readableFile(_ path: String) throws(MountFailure) -> String {
        guard access(path, R_OK) == 0 else {
            throw MountFailure(.usage, "reading \(path) failed: \(Errno(rawValue: errno))")
        }
        return absolute(path).string
    }

    /// Relative to the present working directory, which the background leaves.
    private static func absolute(_ path: String) -> FilePath {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return FilePath(path) }
        defer { free(directory) }
        return FilePath(platformString: directory).pushing(FilePath(path))
    }

    // MARK: The key

    /// Finds the key. To be called before there is a second thread: the environment loses its copy.
    ///
    /// - Throws: `MountFailure` with exit code 1.
    package func findCredentials() throws(MountFailure) -> Credentials {
        let key = Credentials.takeKeyFromEnvironment()
        var environment: [String: String] = [:]
        // Variables are asked for by name: the rest of the environment is nobody's business here.
        for name in ["CREDENTIALS_DIRECTORY", "XDG_CONFIG_HOME", "HOME"] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        do throws(CredentialsError) {
            return try Credentials(file: options.credentialsFile, environment: environment, environmentKey: key)
        } catch {
            let cure =
                switch error.problem {
                case .notFound: ": `claro login` stores one"
                // The system's, most likely.
                case .unreadable(EACCES): ": `claro login` stores one of your own"
                default: ""
                }
            throw MountFailure(.usage, "\(error)\(cure)")
        }
    }

    // MARK: The client

    /// How to talk to the API, with `command` as the name of the program.
    package func clientConfiguration(of command: String) -> ClaroClient.Configuration {
        var configuration = ClaroClient.Configuration(baseURL: source.baseURL)
        configuration.timeout = options.timeout
        configuration.caFile = options.caFile
        configuration.userAgent = "\(command)/\(Release.version)"
        return configuration
    }

    /// What happened to a call that everything else depends on, and what to do.
    package func explain(_ error: APIError, _ credentials: Credentials) -> String {
        let address = source.baseURL
        switch error.code {
        case .unauthorized:
            return "\(address) does not accept the key in \(credentials): make a new one in Claro under API Keys"
        case .forbidden:
            return "the key in \(credentials) may not list prompts (\(error)): give it the permission prompts:list"
        case .unreachable, .connectionLost, .timeout:
            return "\(address) cannot be reached: \(error.cause): check address and network"
        case .tls:
            return "\(address) cannot be trusted: \(error.cause): check the address, or give its authority with"
                + " -o cafile"
        case .rateLimited:
            return "the key's rate limit is spent (\(error)): try again later"
        default:
            return "\(address) does not answer like Claro's API (\(error)): check the address"
        }
    }

    // MARK: The filesystem

    /// What the options say of the filesystem. `logger` hears where the cache is, if not where it was asked for.
    ///
    /// - Throws: `MountFailure` with exit code 1 or 2.
    package func fileSystemConfiguration(_ logger: Logger) throws(MountFailure) -> ClaroFileSystem.Configuration {
        var configuration = ClaroFileSystem.Configuration(
            source: source.name,
            cacheDirectory: try usableCacheDirectory(logger),
            user: options.uid ?? geteuid(),
            group: options.gid ?? getegid()
        )
        configuration.freshness.ttl = options.ttl
        configuration.freshness.draftTTL = options.draftTTL
        configuration.freshness.negativeTTL = options.negativeTTL
        configuration.freshness.metadataTTL = options.metadataTTL
        configuration.timeout = options.timeout
        configuration.cacheByteCount = options.cacheByteCount
        configuration.minimumFreeByteCount = options.minFreeByteCount
        configuration.umask = options.umask
        configuration.include = options.include
        configuration.lock = try options.lockFile.map { path throws(MountFailure) in try LockFile(contentsOf: path) }
        return configuration
    }

    /// Where the cache is. Files in memory would be no relief for memory.
    ///
    /// - Throws: `MountFailure` with exit code 1 or 2.
    package func usableCacheDirectory(_ logger: Logger) throws(MountFailure) -> CacheDirectory {
        guard let path = cacheDirectory?.string else { return .temporary }
        let directory: CacheDirectory
        do throws(Errno) {
            directory = try CacheDirectory(path)
        } catch {
            let reason =
                error == .notPermitted
                ? "it belongs to somebody else, or is open to others: chmod 700 it, or choose another with -o cache=DIR"
                : "\(error): choose another with -o cache=DIR, or cache=none"
            throw MountFailure(.usage, "using the cache directory \(path) failed: \(reason)")
        }
        let type = try Place(path).containingMount()?.type ?? ""
        if Self.memoryTypes.contains(type) { return .temporary }
        guard Self.networkTypes.contains(type) else { return directory }
        let local = "/var/tmp/claro-\(geteuid())"
        logger.warning("the cache cannot be in \(path), which is on \(type): using \(local)")
        do throws(Errno) {
            return try CacheDirectory(local)
        } catch {
            throw MountFailure(
                .usage,
                "using \(local) for the cache failed: \(error): choose another with -o cache=DIR"
            )
        }
    }

    private static var memoryTypes: Set<String> { ["tmpfs", "ramfs"] }

    /// Where processes cannot share memory over a file, which SQLite's write-ahead log needs (sqlite.org/wal.html).
    private static var networkTypes: Set<String> {
        [
            "nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs",
            "fuse.rclone",
        ]
    }
}
