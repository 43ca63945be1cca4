import Glibc
import Testing

@testable import FUSE

struct PendingSignalsTests {
    private func status(thread: String = "0", process: String = "0", blocked: String = "0") -> String {
        "Name:\tcat\nPid:\t7\nSigPnd:\t\(thread)\nShdPnd:\t\(process)\nSigBlk:\t\(blocked)\nSigIgn:\t0\n"
    }

    @Test(arguments: [
        ("0000000000000002", SIGINT), ("0000000000004000", SIGTERM), ("0000000000000001", SIGHUP),
        ("0000000000000004", SIGQUIT), ("0000000000000100", SIGKILL),
    ])
    func `a signal that stops programs ends a wait, pending for the thread or its process`(mask: String, signal: Int32)
    {
        for text in [status(thread: mask), status(process: mask)] {
            #expect(PendingSignals(ProcessStatus(text: text)).contains(signal))
            #expect(PendingSignals(ProcessStatus(text: text)).endWaiting)
        }
    }

    @Test(arguments: [SIGURG, SIGCHLD, SIGWINCH, SIGUSR1, SIGALRM, SIGTSTP, 64])
    func `any other signal leaves a wait alone`(signal: Int32) {
        let signals = PendingSignals(
            ProcessStatus(text: status(thread: String(UInt64(1) << UInt64(signal - 1), radix: 16)))
        )
        #expect(signals.contains(signal))
        #expect(!signals.endWaiting)
    }

    @Test func `a blocked signal does not count`() {
        let signals = PendingSignals(
            ProcessStatus(text: status(thread: "2", process: "4000", blocked: "4002"))
        )
        #expect(!signals.contains(SIGINT))
        #expect(!signals.endWaiting)
    }

    @Test(arguments: ["", "SigPnd:", "SigPnd:\tzz\n", "Name:\tSigPnd: 2\n"])
    func `a text without the fields has no signal`(text: String) {
        #expect(!PendingSignals(ProcessStatus(text: text)).endWaiting)
    }

    @Test func `a thread that cannot be seen is freed, one that runs is not`() {
        #expect(PendingSignals.stopWaiting(0))
        // Above the highest pid that Linux gives (proc(5), pid_max).
        #expect(PendingSignals.stopWaiting(1 << 23))
        #expect(!PendingSignals.stopWaiting(getpid()))
    }
}
