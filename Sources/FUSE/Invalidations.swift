import CFUSE
import Dispatch
import Synchronization

/// What the kernel is told to forget, sent by a thread of its own: sending waits for locks in the kernel that a request
/// under way may hold (libfuse, fuse_lowlevel.h, fuse_lowlevel_notify_inval_entry), so no request's thread may do it.
package final class Invalidations: Sendable {
    package enum Item: Sendable, Hashable {
        /// An inode's attributes and pages; of a directory, the list of names.
        case contents(InodeNumber)
        /// A name in a directory.
        case entry(FileName, in: InodeNumber)
    }

    private struct State {
        var queue: [[Item]] = []
        var thread: Thread?
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wakeUps = DispatchSemaphore(value: 0)

    package init() {}

    /// Sends soon. Things that the kernel does not know are no error. Nothing happens before the mount and after its end.
    package func send(_ items: [Item]) {
        guard !items.isEmpty else { return }
        let isQueued = state.withLock { state in
            guard state.thread != nil, !state.isStopped else { return false }
            state.queue.append(items)
            return true
        }
        if isQueued { wakeUps.signal() }
    }

    func start(_ session: OpaquePointer) {
        let address = UInt(bitPattern: session)
        state.withLock { state in
            state.thread = Thread { self.run(address) }
        }
    }

    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            state.queue = []
            return state.thread.take()
        }
        wakeUps.signal()
        thread?.join()
    }

    private func run(_ address: UInt) {
        guard let session = OpaquePointer(bitPattern: address) else { return }
        while true {
            wakeUps.wait()
            let (batch, isStopped) = state.withLock { state in
                defer { state.queue = [] }
                return (state.queue, state.isStopped)
            }
            if isStopped { return }
            for item in batch.joined() { Self.send(item, session) }
        }
    }

    private static func send(_ item: Item, _ session: OpaquePointer) {
        switch item {
        case .contents(let inode): _ = cfuse_invalidate_node(session, inode.rawValue, 0, 0)
        case .entry(let name, let parent):
            _ = name.withCString { cfuse_invalidate_entry(session, parent.rawValue, $0, name.bytes.count) }
        }
    }
}
