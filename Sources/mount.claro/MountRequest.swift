import ClaroCommand
import SystemPackage

/// A mount to make: every argument read and every path made absolute.
struct MountRequest: Equatable, Sendable {
    let access: LibraryAccess
    let mountPoint: FilePath
    let isForeground: Bool
    let isVerbose: Bool

    var source: MountSource { access.source }
    var options: MountOptions { access.options }

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
        access = try LibraryAccess(source: source, options: options)
        self.isForeground = isForeground
        self.isVerbose = isVerbose
        try FUSEDevice.check(allowsOtherUsers: options.allowsOtherUsers)
        self.mountPoint = try MountPoint(
            mountPoint,
            allowsNonEmpty: options.allowsNonEmptyMountPoint,
            isDryRun: isDryRun
        ).path
    }
}
