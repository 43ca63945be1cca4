import ClaroCommand
import SystemPackage

/// The directory to mount over: found, resolved, and known to be free.
///
/// Nothing here waits for a filesystem that hangs at the place: it is opened with `O_PATH`, which asks no filesystem,
/// and is not touched further before `/proc` has said what is mounted there (open(2), proc(5)).
struct MountPoint: Equatable, Sendable {
    /// Absolute, without symbolic links.
    let path: FilePath

    /// Resolves `text` and checks the place. A dead mount of ours is taken away first, unless this is a dry run.
    ///
    /// - Throws: `MountFailure` with mount(8)'s exit code.
    init(_ text: String, allowsNonEmpty: Bool, isDryRun: Bool = false) throws(MountFailure) {
        var place = try Place(text)
        // Each round takes away one of the dead mounts that lie on each other.
        for _ in 0..<16 {
            switch try place.occupant() {
            case .automount:
                path = place.path
                return
            case .directory:
                try place.checkDirectory(allowsNonEmpty: allowsNonEmpty)
                path = place.path
                return
            case .deadMount where isDryRun:
                path = place.path
                return
            case .deadMount:
                try DeadMount.detach(place.path)
                place = try Place(text)
            case .mount(let mount) where mount.isClaro:
                throw MountFailure(
                    .mountFailure,
                    "\(place.path) has a Claro library mounted (\(mount.source)): `umount \(place.path)` ends it"
                )
            case .mount(let mount):
                throw MountFailure(
                    .mountFailure,
                    "\(place.path) is in use: \(mount.source) (\(mount.type)) is mounted there: choose another directory"
                )
            }
        }
        throw MountFailure(.mountFailure, "\(place.path) has dead mounts on it that `umount -l` must take away first")
    }

    /// Takes away what an aborted connection leaves of a mount (`/sys/fs/fuse/connections/N/abort`): libfuse finds it dead
    /// and takes it for unmounted. If that fails, the next mount there does it.
    static func removeDeadMount(at path: FilePath) {
        guard let place = try? Place(path.string), case .deadMount? = try? place.occupant() else { return }
        try? DeadMount.detach(place.path)
    }
}
