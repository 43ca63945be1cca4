/// What the process returns, in mount(8)'s terms. 16 (mtab) and 64 (some of several) never apply to one mount.
package enum MountExitCode: Int32, Sendable {
    case success = 0
    /// Wrong arguments or missing permission.
    case usage = 1
    /// The system lacks something: `/dev/fuse`, `/proc`, memory, a process.
    case system = 2
    /// A fault of this program's own.
    case internalError = 4
    /// Ended by SIGINT, SIGTERM or the like before the mount was usable.
    case interrupted = 8
    /// The mount could not be made.
    case mountFailure = 32
}
