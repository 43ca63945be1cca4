import CFUSE
import Synchronization

/// Puts files' bytes into the kernel's pages before anybody asks for them.
///
/// Pushing a page costs a tenth of answering a READ. It waits for the page's lock, which a READ under way holds until it is
/// answered. So one of the threads that read requests is always left to answer it.
final class PagePusher: Sendable {
    private struct State {
        /// libfuse's session, whose functions used here may be called from any thread.
        var address: UInt?
        var pusherCount = 0
    }

    private let pusherBound: Int
    private let state = Mutex(State())

    init(workerCount: Int) { pusherBound = workerCount - 1 }

    func start(_ session: OpaquePointer) { state.withLock { $0.address = UInt(bitPattern: session) } }

    /// Pages that the kernel does not know are no error, nor is it one that too many push: readers then ask.
    func push(_ pages: [(inode: InodeNumber, bytes: [UInt8])]) {
        guard !pages.isEmpty, let session = enter() else { return }
        defer { state.withLock { $0.pusherCount -= 1 } }
        for (inode, bytes) in pages {
            _ = bytes.withUnsafeBytes { cfuse_store(session, inode.rawValue, $0.baseAddress, $0.count) }
        }
    }

    private func enter() -> OpaquePointer? {
        state.withLock { state in
            guard let address = state.address, state.pusherCount < pusherBound else { return nil }
            state.pusherCount += 1
            return OpaquePointer(bitPattern: address)
        }
    }
}
