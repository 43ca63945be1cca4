import FUSE
import Synchronization

/// The inodes that the kernel holds, and the numbers of all that were ever seen.
///
/// A number is given once, in the order in which things are first seen, and always means the same body at the same place:
/// programs that read in inode order then walk in the listing's order.
final class InodeTable: Sendable {
    private struct Held {
        let node: Node
        /// INVARIANT: above 0 for every inode but the root, which the kernel holds without having looked it up.
        var lookups: UInt64
    }

    private struct State {
        var held: [InodeNumber: Held] = [.root: Held(node: .root, lookups: 0)]
        var numbers: [Identity: InodeNumber] = [:]
        var next = InodeTable.first

        mutating func takeNumber() -> InodeNumber {
            defer { next += 1 }
            return InodeNumber(rawValue: next)
        }

        mutating func number(of identity: Identity) -> InodeNumber {
            if let number = numbers[identity] { return number }
            let number = takeNumber()
            numbers[identity] = number
            return number
        }

        mutating func hold(_ inode: InodeNumber, _ node: Node) {
            held[inode, default: Held(node: node, lookups: 0)].lookups += 1
        }
    }

    /// The numbers below are the root's and those that directory offsets have a meaning of their own for.
    private static let first: UInt64 = 16

    private let state = Mutex(State())

    /// The number of what has this identity; a new one if it was never seen.
    func number(of identity: Identity) -> InodeNumber { state.withLock { $0.number(of: identity) } }

    /// Counts a lookup of `node` and tells its number.
    func enter(_ node: Node, _ identity: Identity) -> InodeNumber {
        state.withLock { state in
            let inode = state.number(of: identity)
            state.hold(inode, node)
            return inode
        }
    }

    /// Counts a lookup of what will never be looked up again.
    func enterTransient(_ node: Node) -> InodeNumber {
        state.withLock { state in
            let inode = state.takeNumber()
            state.hold(inode, node)
            return inode
        }
    }

    func node(_ inode: InodeNumber) -> Node? { state.withLock { $0.held[inode]?.node } }

    func forget(_ inode: InodeNumber, lookups: UInt64) {
        guard inode != .root else { return }
        // Freed outside the lock: a node may hold the last reference to a large text.
        let freed: Held? = state.withLock { state in
            guard let held = state.held[inode] else { return nil }
            guard held.lookups > lookups else { return state.held.removeValue(forKey: inode) }
            state.held[inode]?.lookups -= lookups
            return nil
        }
        _ = freed
    }

    /// How many inodes the kernel holds, the root included.
    var heldCount: Int { state.withLock { $0.held.count } }

    func isHeld(_ inode: InodeNumber) -> Bool { state.withLock { $0.held[inode] != nil } }

    /// What the kernel holds at this moment.
    var held: [(inode: InodeNumber, node: Node)] { state.withLock { $0.held.map { ($0.key, $0.value.node) } } }
}
