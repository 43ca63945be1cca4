import ClaroAPI
import ClaroCommand
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
///   - notifySocket: To be told how it goes.
/// - Returns: The exit code of a mount that was made and has ended.
/// - Throws: `MountFailure` where there was nothing to serve.
func serve(
    _ request: MountRequest,
    readiness: Readiness,
    notifySocket: NotifySocket?
) throws(MountFailure) -> MountExitCode {
    // What comes before the logger, comes before there is a second thread.
    let signals = MainSignals()
    TaskThreads.install()
    let credentials = try request.access.findCredentials()
    CoreDumps.forbid()
    let connectionGuard = ConnectionGuard()
    FreedMemory.giveBack()
    let logger = makeLogger(request)
    LibraryLog.shared.setReceiver { logger.debug("libfuse: \($0)") }

    var clientConfiguration = request.access.clientConfiguration(of: "mount.claro")
    clientConfiguration.requester = { Caller.processName ?? "mount.claro" }
    let client = ClaroClient(configuration: clientConfiguration, credentials: credentials, logger: logger)
    defer { client.shutdown() }
    let invalidations = Invalidations()
    let requestCounts = RequestCounts()
    let fileSystem = ClaroFileSystem(
        try request.access.fileSystemConfiguration(logger),
        client: client,
        invalidations: invalidations,
        requestCounts: requestCounts,
        logger: logger
    )
    defer { fileSystem.finish() }
    // Before the mount: what fails here leaves nothing mounted. With a listing from before there is nothing to wait for;
    // its first use renews it.
    if !request.options.isLazy, !fileSystem.hasStoredListing {
        notifySocket?.tell("asking \(request.source.baseURL) for the library")
        try proveKey(fileSystem, request, credentials, signals)
    }

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
    connectionGuard.watch(request.mountPoint.string)
    fileSystem.start()
    let hasEnded = Mutex(false)
    session.start {
        hasEnded.withLock { $0 = true }
        MainSignals.send()
    }
    logger.notice("\(request.source.name) is mounted on \(request.mountPoint)")
    readiness.announce()
    notifySocket?.tell("\(request.source.name) is mounted on \(request.mountPoint)", .ready)
    FreedMemory.giveBackCode()

    while !hasEnded.withLock({ $0 }) {
        switch signals.wait() {
        case .end?:
            notifySocket?.tell("unmounting \(request.mountPoint)", .stopping)
            session.unmount(at: request.mountPoint.string)
            // A mount that is in use goes when its last user does; this process does not wait for that.
            guard signals.wait(atMost: .seconds(2)) != nil || hasEnded.withLock({ $0 }) else { return .success }
        case .reload?:
            logger.notice("reading credentials again, and everything that can change at its next use")
            fileSystem.expireEverything()
        case .news?, nil: break
        }
    }
    notifySocket?.tell("\(request.mountPoint) is unmounted", .stopping)
    session.waitForEnd()
    MountPoint.removeDeadMount(at: request.mountPoint)
    logger.notice("\(request.mountPoint) is unmounted")
    return .success
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
            let isPassing = [.unreachable, .connectionLost, .timeout, .rateLimited].contains(error.code)
            let text = request.access.explain(error, credentials)
            throw MountFailure(.mountFailure, isPassing ? "\(text), or mount with -o lazy" : text)
        }
    }
}

extension MountRequest {
    fileprivate var sessionOptions: Session.Options {
        var session = Session.Options(source: source.name, subtype: "claro")
        session.allowsOthers = options.allowsOtherUsers
        session.allowsExecution = !options.flags.contains(.noExecution)
        session.hasExtendedAttributes = options.hasExtendedAttributes
        return session
    }
}
