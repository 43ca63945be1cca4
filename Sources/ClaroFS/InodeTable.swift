import ClaroAPI
import FUSE
import Synchronization

/// The inodes that the kernel holds, and the numbers of all that were ever seen.
///
/// A number is given once, in the order in which things are first seen, and always means the same body at the same place:
/// programs that read in inode order then walk in the listing's order.
final class InodeTable: Sendable {
    private struct Held {
        var node: Node
        /// nil for the root and for what is never looked up again.
        let identity: Identity?
        /// INVARIANT: above 0 for every inode but the root, which the kernel holds without having looked it up.
        var lookups: UInt64
    }

    private struct State {
        var held: [InodeNumber: Held] = [.root: Held(node: .root, identity: nil, lookups: 0)]
        /// Those of `held` that are attachments. One may be in several versions.
        var attachments: [BlobName: Set<InodeNumber>] = [:]
        var numbers: [Identity: InodeNumber] = [:]
        /// Directories of which all stored numbers are in `numbers`.
        var loaded: Set<InodeNumber> = []
        /// The next of those that are not stored.
        var next: UInt64

        mutating func takeNumber() -> InodeNumber {
            defer { next += 1 }
            return InodeNumber(rawValue: next)
        }

        mutating func hold(_ inode: InodeNumber, _ node: Node, _ identity: Identity?) {
            held[inode, default: Held(node: node, identity: identity, lookups: 0)].lookups += 1
            if case .attachment(_, let attachment) = node {
                attachments[attachment.key.name, default: []].insert(inode)
            }
        }

        /// Those in which a version has files, as far as they were ever seen.
        func directories(of key: VersionKey) -> [InodeNumber] {
            guard let namespace = numbers[Identity("@" + key.prompt.namespace, in: .root)],
                let prompt = numbers[Identity(key.prompt.slug, in: namespace)],
                let version = numbers[Identity(key.selector.description, in: prompt)]
            else { return [] }
            let context = numbers[Identity(ClaroFileSystem.contextName, in: version)]
            return [version, context].compactMap(\.self)
        }

        mutating func drop(_ inode: InodeNumber) -> Node? {
            guard let node = held.removeValue(forKey: inode)?.node else { return nil }
            // The kernel forgets thousands at a time; a dictionary by itself keeps the room for them.
            if held.capacity > max(1024, 8 * held.count) { held = held.reduce(into: [:]) { $0[$1.key] = $1.value } }
            if case .attachment(_, let attachment) = node {
                let name = attachment.key.name
                attachments[name]?.remove(inode)
                if attachments[name]?.isEmpty ?? false { attachments[name] = nil }
            }
            return node
        }
    }

    /// The numbers below are the root's and those that directory offsets have a meaning of their own for.
    static let first: UInt64 = 16
    /// Where numbers begin that are not stored, above all that are.
    private static let firstTransient: UInt64 = 1 << 62

    private let database: CacheDatabase?
    private let state: Mutex<State>

    /// Without a database numbers hold as long as this process.
    init(_ database: CacheDatabase?) {
        self.database = database
        state = Mutex(State(next: database == nil ? Self.first : Self.firstTransient))
    }

    /// The number of what has this identity; a new one if it was never seen.
    func number(of identity: Identity) -> InodeNumber { numbers(of: [identity])[0] }

    /// The numbers of `identities`, in that order; new ones, rising, for what was never seen.
    func numbers(of identities: [Identity]) -> [InodeNumber] {
        var missing = state.withLock { state in identities.filter { state.numbers[$0] == nil } }
        if let database, !missing.isEmpty {
            load(Set(missing.map(\.parent)), from: database)
            missing = state.withLock { state in missing.filter { state.numbers[$0] == nil } }
            if !missing.isEmpty, let given = database.giveNumbers(to: missing) {
                state.withLock { state in
                    state.numbers.merge(zip(missing, given.map(\.number))) { old, _ in old }
                    // In a new directory nothing has a number, but what another mount sees there at this moment.
                    state.loaded.formUnion(given.lazy.filter(\.isNew).map(\.number))
                }
            }
        }
        return state.withLock { state in
            identities.map { identity in
                if let number = state.numbers[identity] { return number }
                let number = state.takeNumber()
                state.numbers[identity] = number
                return number
            }
        }
    }

    /// Whether all of these are in memory.
    func haveNumbers(_ identities: [Identity]) -> Bool {
        state.withLock { state in identities.allSatisfy { state.numbers[$0] != nil } }
    }

    /// All stored numbers of directories, in one read each.
    private func load(_ parents: Set<InodeNumber>, from database: CacheDatabase) {
        // `subtracting` would go through all that are loaded.
        let unknown = state.withLock { state in parents.filter { !state.loaded.contains($0) } }
        for parent in unknown {
            guard let numbers = database.numbers(in: parent) else { continue }
            state.withLock { state in
                state.numbers.merge(numbers) { old, _ in old }
                state.loaded.insert(parent)
            }
        }
    }

    /// Counts a lookup of `node` and tells its number.
    func enter(_ node: Node, _ identity: Identity) -> InodeNumber {
        let inode = number(of: identity)
        return state.withLock { state in
            // Only a damaged database gives one number to two things; for the kernel they would be one file.
            if let held = state.held[inode], held.identity != identity {
                let other = state.takeNumber()
                state.numbers[identity] = other
                state.hold(other, node, identity)
                return other
            }
            state.hold(inode, node, identity)
            return inode
        }
    }

    /// Counts a lookup of what will never be looked up again.
    func enterTransient(_ node: Node) -> InodeNumber {
        state.withLock { state in
            let inode = state.takeNumber()
            state.hold(inode, node, nil)
            return inode
        }
    }

    func node(_ inode: InodeNumber) -> Node? { state.withLock { $0.held[inode]?.node } }

    /// Gives those of these files that the kernel holds their bytes: the store is about to lose them.
    ///
    /// - Returns: The names under which the kernel holds them.
    @discardableResult
    func pin(_ files: [TextFile], of key: VersionKey) -> [Invalidations.Item] {
        state.withLock { state in
            var items: [Invalidations.Item] = []
            for directory in state.directories(of: key) {
                for file in files {
                    let identity = Identity(file.name, in: directory, body: file.digest)
                    guard let inode = state.numbers[identity],
                        case .text(key, let facts, let bytes)? = state.held[inode]?.node
                    else { continue }
                    if bytes == nil { state.held[inode]?.node = .text(key, facts, file) }
                    items.append(.entry(file.name, in: directory))
                }
            }
            return items
        }
    }

    /// The kernel drops references.
    ///
    /// - Returns: What it holds no longer; freed by the caller and outside the lock, as it may hold a large text.
    @discardableResult
    func forget(_ inode: InodeNumber, lookups: UInt64) -> Node? {
        guard inode != .root else { return nil }
        return state.withLock { state in
            guard let held = state.held[inode] else { return nil }
            guard held.lookups > lookups else { return state.drop(inode) }
            state.held[inode]?.lookups -= lookups
            return nil
        }
    }

    /// The names under which the kernel holds an attachment.
    func names(ofAttachment name: BlobName) -> [Invalidations.Item] {
        state.withLock { state in
            state.attachments[name, default: []].compactMap { inode in
                state.held[inode]?.identity.map { .entry($0.name, in: $0.parent) }
            }
        }
    }

    /// The names under which the kernel holds directories of versions.
    func names(ofVersions keys: Set<VersionKey>) -> [Invalidations.Item] {
        state.withLock { state in
            state.held.values.compactMap { held in
                guard case .version(let key) = held.node, keys.contains(key), let identity = held.identity else {
                    return nil
                }
                return .entry(identity.name, in: identity.parent)
            }
        }
    }

    /// How many inodes the kernel holds, the root included.
    var heldCount: Int { state.withLock { $0.held.count } }

    func isHeld(_ inode: InodeNumber) -> Bool { state.withLock { $0.held[inode] != nil } }

    /// What the kernel holds at this moment.
    var held: [(inode: InodeNumber, node: Node)] { state.withLock { $0.held.map { ($0.key, $0.value.node) } } }
}
