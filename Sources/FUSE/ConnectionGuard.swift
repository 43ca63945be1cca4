import CFUSE

/// A process that ends the connection to the kernel when the daemon was killed and cannot die.
///
/// A thread that has the kernel drop a name waits, and no signal ends that, for the directory's lock (fs/fuse/dir.c,
/// fuse_reverse_inval_entry), which lookups hold while they wait for this daemon. If it is killed at that moment, the
/// thread stays, and keeps the descriptors of the whole process open: the kernel still sees somebody at /dev/fuse, and
/// whoever waits does so for ever. The same goes for pages that are pushed while they are read. So a child looks on, takes
/// no signal but the one that its parent's main thread has ended (prctl(2), PR_SET_PDEATHSIG), and then aborts the
/// connection: by `/sys/fs/fuse/connections/N/abort`, which belongs to the user who mounted, or where that is not mounted,
/// and it may, by umount2(2) with MNT_FORCE.
package struct ConnectionGuard: ~Copyable {
    private let native: cfuse_guard

    /// To be made by the main thread, before there is another one. Where no process can be made, nobody looks on.
    package init() { native = cfuse_guard_start() }

    /// Watches the mount on `path`, which is absolute. To be called once.
    package func watch(_ path: String) { cfuse_guard_watch(native, path) }

    deinit { cfuse_guard_end(native) }
}
