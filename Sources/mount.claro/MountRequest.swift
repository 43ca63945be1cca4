import Glibc
import SystemPackage

/// A mount to make: every argument read and every path made absolute.
struct MountRequest: Equatable, Sendable {
    let source: MountSource
    let mountPoint: FilePath
    /// File names in it are absolute.
    let options: MountOptions
    /// Where fetched things are kept; nil for nowhere.
    let cacheDirectory: FilePath?
    let isForeground: Bool
    let isVerbose: Bool

    /// Checks what can be checked without a mount and without the network.
    ///
    /// - Throws: `MountFailure` with mount(8)'s exit code.
    init(
        source: MountSource,
        mountPoint: String,
        options: MountOptions,
        isForeground: Bool,
        isVerbose: Bool,
        isDryRun: Bool = false
    ) throws(MountFailure) {
        var options = options
        options.credentialsFile = try options.credentialsFile.map(Self.readableFile)
        options.caFile = try options.caFile.map(Self.readableFile)
        self.source = source
        self.options = options
        self.isForeground = isForeground
        self.isVerbose = isVerbose
        cacheDirectory = try Self.cacheDirectory(options.cache)
        try FUSEDevice.check(allowsOtherUsers: options.allowsOtherUsers)
        self.mountPoint = try MountPoint(
            mountPoint,
            allowsNonEmpty: options.allowsNonEmptyMountPoint,
            isDryRun: isDryRun
        ).path
    }

    private static func cacheDirectory(_ cache: MountOptions.Cache) throws(MountFailure) -> FilePath? {
        switch cache {
        case .none: return nil
        case .directory(let path): return absolute(path)
        case .automatic:
            // Variables are asked for by name: the rest of the environment may hold the key.
            var environment: [String: String] = [:]
            for name in CacheDirectory.variables {
                environment[name] = getenv(name).map { String(cString: $0) }
            }
            guard let path = CacheDirectory.standard(environment: environment, isRoot: geteuid() == 0) else {
                throw MountFailure(.usage, "there is no place for the cache: set HOME, or give cache=DIR or cache=none")
            }
            return FilePath(path)
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
}
