import ClaroFS
import Logging

/// What `-o` says, as typed values. The defaults are the ones that the help shows.
package struct MountOptions: Equatable, Sendable {
    /// Where fetched things are kept.
    package enum Cache: Equatable, Sendable {
        /// `CacheDirectory` decides, from who mounts.
        case automatic
        case directory(String)
        /// Nothing outlives the mount.
        case none
    }

    /// How long a listing, and what `latest` points to, are believed.
    package var ttl: Duration = .seconds(60)
    /// How long a draft is believed.
    package var draftTTL: Duration = .seconds(5)
    /// How long a 404 is believed.
    package var negativeTTL: Duration = .seconds(10)
    /// After this time the metadata and the context list of a published version are fetched again; nil is never.
    package var metadataTTL: Duration?
    /// The longest that a call waits for the API.
    package var timeout: Duration = .seconds(30)
    package var cache: Cache = .automatic
    /// The most bytes that the cache takes.
    package var cacheByteCount: Int64 = 1 << 30
    /// Free bytes that the cache leaves on its disk. Half of the cache's own bound: on a small root disk that is room
    /// for a package upgrade and the logs, and it is soon given back there, because the cache shrinks first.
    package var minFreeByteCount: Int64 = 512 << 20
    /// A file that holds the API key. As written: relative to the working directory at the start.
    package var credentialsFile: String?
    /// A PEM file with the certificates to trust in place of the system's. As written, too.
    package var caFile: String?
    /// The owner of everything; nil is the effective user who mounts.
    package var uid: UInt32?
    /// The group of everything; nil is the effective group of who mounts.
    package var gid: UInt32?
    /// Permission bits that are taken from 0444 and 0555.
    package var umask: UInt32 = 0
    package var allowsOtherUsers = false
    /// Whether to mount although the API cannot be reached and nothing is cached. `_netdev` and `nofail` imply it.
    package var isLazy = false
    package var hasExtendedAttributes = false
    /// The parts of the account to show; empty is everything.
    package var include: [IncludePattern] = []
    /// A file with the versions to show, and no others. As written.
    package var lockFile: String?
    package var allowsNonEmptyMountPoint = false
    /// The least severe level that is logged; nil where no option says so.
    package var logLevel: Logger.Level?

    /// Whether `remount` was given: nothing is mounted, the flags of the existing mount change.
    package var isRemount = false
    /// The kernel flags asked for, in their order: each may undo an earlier one.
    package var flagChanges: [MountFlags.Change] = []

    /// The kernel flags for a new mount. Whatever was asked for, it is read-only and without devices and set-user-id
    /// programs; `noexec` is passed on, and access times do not exist on a read-only filesystem.
    package var flags: MountFlags {
        let asked = MountFlags().changed(by: flagChanges)
        return asked.intersection(.noExecution).union([.readOnly, .noSUID, .noDevices])
    }

    /// `log=` wins over `-v`.
    package func logLevel(isVerbose: Bool) -> Logger.Level {
        logLevel ?? (isVerbose ? .debug : .notice)
    }
}
