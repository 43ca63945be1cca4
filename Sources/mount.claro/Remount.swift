import ClaroCommand
import Glibc
import SystemPackage

/// `-o remount,…`: changes the kernel's flags of a mount that exists, and nothing else.
enum Remount {
    /// Flags that no option names stay as they are.
    ///
    /// - Throws: `MountFailure` with exit code 32 where no mount of ours is there, 1 without the right to do it.
    static func apply(_ changes: [MountFlags.Change], to text: String, isDryRun: Bool) throws(MountFailure) {
        let place = try Place(text)
        guard let mount = try place.mount(), mount.isClaro else {
            throw MountFailure(.mountFailure, "\(place.path) has no Claro library mounted that could be remounted")
        }
        if isDryRun { return }
        let flags = mount.flags.changed(by: changes).rawValue | UInt(MS_REMOUNT)
        let result = place.path.withPlatformString { Glibc.mount(mount.source, $0, mount.type, flags, nil) }
        guard result == 0 else {
            let error = Errno(rawValue: errno)
            throw MountFailure(
                error == .notPermitted ? .usage : .mountFailure,
                "remounting \(place.path) failed: \(error)\(error == .notPermitted ? ": only root may" : "")"
            )
        }
    }
}
