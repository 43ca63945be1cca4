import CFUSE
import Glibc

/// Memory of this process holds secrets.
package enum CoreDumps {
    /// Keeps it out of core files, and from other processes of the same user (prctl(2), PR_SET_DUMPABLE).
    ///
    /// Also takes away the handlers by which Swift's runtime prints a backtrace: the program that they start may not look
    /// into this process any more, and they would wait for it for ever, and the mount's users with them.
    package static func forbid() {
        cfuse_forbid_core_dumps()
        for number in [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] { signal(number, SIG_DFL) }
    }
}
