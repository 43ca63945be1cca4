/// Mounts, serves until the unmount, and returns what the process returns.
///
/// - Parameters:
///   - request: What to mount, checked.
///   - readiness: To be announced once the mount is usable.
/// - Returns: The exit code of a mount that was made and has ended.
/// - Throws: `MountFailure` where there was nothing to serve.
func serve(_ request: MountRequest, readiness: Readiness) throws(MountFailure) -> ExitCode {
    throw MountFailure(.internalError, "\(request.source.name) cannot be mounted on \(request.mountPoint)")
}
