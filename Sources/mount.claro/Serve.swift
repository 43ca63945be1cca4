import ClaroAPI
import ClaroFS
import FUSE
import Glibc
import Logging
import Synchronization
import SystemPackage

/// Mounts, serves until the unmount, and returns what the process returns.
///
/// - Parameters:
///   - request: What to mount, checked.
///   - readiness: To be announced once the mount is usable.
/// - Returns: The exit code of a mount that was made and has ended.
/// - Throws: `MountFailure` where there was nothing to serve.
func serve(_ request: MountRequest, readiness: Readiness) throws(MountFailure) -> ExitCode {
    // Both before there is a second thread.
    let signals = MainSignals()
    let credentials = try findCredentials(request)
    CoreDumps.forbid()
    let logger = makeLogger(request)
    LibraryLog.shared.setReceiver { logger.debug("libfuse: \($0)") }

    let client = ClaroClient(configuration: request.clientConfiguration, credentials: credentials, logger: logger)
    defer { client.shutdown() }
    let invalidations = Invalidations()
    let requestCounts = RequestCounts()
    let fileSystem = ClaroFileSystem(
        try request.fileSystemConfiguration(logger),
        client: client,
        invalidations: invalidations,
        requestCounts: requestCounts,
        logger: logger
    )
    defer { fileSystem.finish() }
    // Before the mount: what fails here leaves nothing mounted. With a listing from before there is nothing to wait for;
    // its first use renews it.
    if !request.options.isLazy, !fileSystem.hasStoredListing { try proveKey(fileSystem, request, credentials, signals) }

    let session: Session
    do throws(Errno) {
        session = try Session(
            request.sessionOptions,
            fileSystem: fileSystem,
            invalidations: invalidations,
            requestCounts: requestCounts
        )
    } catch {
        throw MountFailure(.internalError, "libfuse refuses its options: \(error)")
    }
    do throws(Session.MountError) {
        try session.mount(at: request.mountPoint.string)
    } catch {
        throw MountFailure(
            .mountFailure,
            "mounting on \(request.mountPoint) failed\(error.reason.map { ": \($0)" } ?? "")"
        )
    }
    let hasEnded = Mutex(false)
    session.start {
        hasEnded.withLock { $0 = true }
        MainSignals.send()
    }
    logger.notice("\(request.source.name) is mounted on \(request.mountPoint)")
    readiness.announce()

    while !hasEnded.withLock({ $0 }) {
        switch signals.wait() {
        case .end?:
            session.unmount(at: request.mountPoint.string)
            // A mount that is in use goes when its last user does; this process does not wait for that.
            guard signals.wait(atMost: .seconds(2)) != nil || hasEnded.withLock({ $0 }) else { return .success }
        case .reload?:
            logger.notice("reading credentials again, and everything that can change at its next use")
            fileSystem.expireEverything()
        case .news?, nil: break
        }
    }
    session.waitForEnd()
    logger.notice("\(request.mountPoint) is unmounted")
    return .success
}

private func findCredentials(_ request: MountRequest) throws(MountFailure) -> Credentials {
    let key = Credentials.takeKeyFromEnvironment()
    var environment: [String: String] = [:]
    for name in ["CREDENTIALS_DIRECTORY", "XDG_CONFIG_HOME", "HOME"] {
        environment[name] = getenv(name).map { String(cString: $0) }
    }
    do throws(CredentialsError) {
        return try Credentials(
            file: request.options.credentialsFile,
            environment: environment,
            environmentKey: key
        )
    } catch {
        throw MountFailure(.usage, "\(error)")
    }
}

private func makeLogger(_ request: MountRequest) -> Logger {
    var logger = Logger(label: "mount.claro") { _ in
        if request.isForeground { StandardErrorHandler(showsTime: request.isVerbose) } else { SyslogHandler() }
    }
    logger.logLevel = request.options.logLevel(isVerbose: request.isVerbose)
    return logger
}

/// Fetches the listing and waits for it, or for a signal to give up.
private func proveKey(
    _ fileSystem: ClaroFileSystem,
    _ request: MountRequest,
    _ credentials: Credentials,
    _ signals: MainSignals
) throws(MountFailure) {
    let outcome = Mutex<Result<Void, APIError>?>(nil)
    Task {
        let result: Result<Void, APIError>
        do throws(APIError) {
            result = .success(try await fileSystem.fetchListing())
        } catch {
            result = .failure(error)
        }
        outcome.withLock { $0 = result }
        MainSignals.send()
    }
    while true {
        let event = signals.wait()
        if case .end? = event { throw MountFailure(.interrupted, "interrupted before the mount was usable") }
        guard let result = outcome.withLock({ $0 }) else { continue }
        do throws(APIError) {
            return try result.get()
        } catch {
            throw MountFailure(.mountFailure, explain(error, request, credentials))
        }
    }
}

/// What happened and what to do.
private func explain(_ error: APIError, _ request: MountRequest, _ credentials: Credentials) -> String {
    let address = request.source.baseURL
    switch error.code {
    case .unauthorized:
        return "\(address) does not accept the key in \(credentials): make a new one in Claro under API Keys"
    case .forbidden:
        return "the key in \(credentials) may not list prompts (\(error)): give it the permission prompts:list"
    case .unreachable, .connectionLost, .timeout:
        return "\(address) cannot be reached: \(error.cause): check address and network, or mount with -o lazy"
    case .tls:
        return "\(address) cannot be trusted: \(error.cause): check the address, or give its authority with -o cafile"
    case .rateLimited:
        return "the key's rate limit is spent (\(error)): try again later, or mount with -o lazy"
    default:
        return "\(address) does not answer like Claro's API (\(error)): check the address"
    }
}

extension MountRequest {
    fileprivate var clientConfiguration: ClaroClient.Configuration {
        var configuration = ClaroClient.Configuration(baseURL: source.baseURL)
        configuration.timeout = options.timeout
        configuration.caFile = options.caFile
        configuration.userAgent = MountClaro.userAgent
        return configuration
    }

    fileprivate var sessionOptions: Session.Options {
        var session = Session.Options(source: source.name, subtype: "claro")
        session.allowsOthers = options.allowsOtherUsers
        session.allowsExecution = !options.flags.contains(.noExecution)
        session.hasExtendedAttributes = options.hasExtendedAttributes
        return session
    }

    fileprivate func fileSystemConfiguration(_ logger: Logger) throws(MountFailure) -> ClaroFileSystem.Configuration {
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
        return configuration
    }

    /// Files in memory would be no relief for memory.
    private func usableCacheDirectory(_ logger: Logger) throws(MountFailure) -> ClaroFS.CacheDirectory {
        guard let path = cacheDirectory?.string else { return .temporary }
        let directory: ClaroFS.CacheDirectory
        do throws(Errno) {
            directory = try ClaroFS.CacheDirectory(path)
        } catch {
            let reason =
                error == .notPermitted
                ? "it belongs to somebody else, or is open to others: chmod 700 it, or choose another with -o cache=DIR"
                : "\(error): choose another with -o cache=DIR, or cache=none"
            throw MountFailure(.usage, "using the cache directory \(path) failed: \(reason)")
        }
        let type = try Place(path).containingMount().type
        if Self.memoryTypes.contains(type) { return .temporary }
        guard Self.networkTypes.contains(type) else { return directory }
        let local = "/var/tmp/claro-\(geteuid())"
        logger.warning("the cache cannot be in \(path), which is on \(type): using \(local)")
        do throws(Errno) {
            return try ClaroFS.CacheDirectory(local)
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
