import CFUSE

/// Memory of this process holds secrets.
package enum CoreDumps {
    /// Keeps it out of core files, and from other processes of the same user (prctl(2), PR_SET_DUMPABLE).
    package static func forbid() { cfuse_forbid_core_dumps() }
}
