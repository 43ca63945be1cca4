import FUSE
import Glibc
import Synchronization
import SystemPackage

/// A small tree in memory, whose answers a test can change, hold back and count.
final class MemoryFileSystem: FileSystem {
    enum Contents: Sendable {
        case bytes([UInt8])
        /// A file on disk of which so many bytes are shown.
        case file(OpenFile, byteCount: Int64)
        case directory([Child])
        case link(String)
    }

    struct Child: Sendable {
        let name: FileName
        let inode: InodeNumber
        /// Given when the child was added, never again.
        let offset: DirectoryOffset
    }

    /// What happens to calls that concern one inode or name.
    struct Behaviour: Sendable {
        var gate: Gate?
        /// After the gate, if there is one.
        var error: Errno?
    }

    fileprivate struct State {
        var contents: [InodeNumber: Contents] = [.root: .directory([])]
        var lookups: [InodeNumber: UInt64] = [:]
        var forgottenTooMany = false
        var behaviours: [FileName: Behaviour] = [:]
        var next: UInt64 = 2
        var nextOffset: DirectoryOffset = 3
        var entryLifetime: Duration = .seconds(3600)
        var negativeLifetime: Duration = .seconds(3600)
        /// Names that a directory gives without attributes.
        var bareNames: Set<FileName> = []
    }

    private let state = Mutex(State())

    // MARK: Arranging

    /// Adds a file in `parent`, with a new inode.
    @discardableResult
    func add(_ name: FileName, _ contents: Contents, in parent: InodeNumber = .root) -> InodeNumber {
        state.withLock { state in
            let inode = InodeNumber(rawValue: state.next)
            state.next += 1
            state.contents[inode] = contents
            state.insert(Child(name: name, inode: inode, offset: state.nextOffset), in: parent)
            state.nextOffset += 1
            return inode
        }
    }

    func remove(_ name: FileName, in parent: InodeNumber = .root) {
        state.withLock { state in
            guard case .directory(let children) = state.contents[parent] else { return }
            state.contents[parent] = .directory(children.filter { $0.name != name })
        }
    }

    func replace(_ inode: InodeNumber, _ contents: Contents) { state.withLock { $0.contents[inode] = contents } }

    func set(_ behaviour: Behaviour, for name: FileName) { state.withLock { $0.behaviours[name] = behaviour } }

    /// For the next answers.
    func setLifetimes(entry: Duration, negative: Duration) {
        state.withLock {
            $0.entryLifetime = entry
            $0.negativeLifetime = negative
        }
    }

    func giveWithoutAttributes(_ names: Set<FileName>) { state.withLock { $0.bareNames = names } }

    /// References that the kernel holds, but for the root.
    var lookups: [InodeNumber: UInt64] { state.withLock { $0.lookups } }

    /// Whether the kernel ever gave back more than it had.
    var wasForgottenTooOften: Bool { state.withLock { $0.forgottenTooMany } }

    // MARK: Serving

    func lookup(_ name: FileName, in parent: InodeNumber) async throws(Errno) -> Entry {
        let behaviour = state.withLock { $0.behaviours[name] }
        try await behaviour?.gate?.pass()
        if let error = behaviour?.error { throw error }
        return state.withLock { state in
            guard case .directory(let children) = state.contents[parent],
                let child = children.first(where: { $0.name == name })
            else { return .missing(for: state.negativeLifetime) }
            state.lookups[child.inode, default: 0] += 1
            return state.entry(child.inode)
        }
    }

    func attributes(of inode: InodeNumber) async throws(Errno) -> (attributes: Attributes, lifetime: Duration) {
        try state.withLock { state throws(Errno) in
            guard state.contents[inode] != nil else { throw .staleNFSFileHandle }
            return (state.attributes(inode), .seconds(3600))
        }
    }

    func readLink(_ inode: InodeNumber) async throws(Errno) -> String {
        guard case .link(let target) = state.withLock({ $0.contents[inode] }) else { throw .invalidArgument }
        return target
    }

    func read(_ inode: InodeNumber, at offset: Int64, count: Int) async throws(Errno) -> ReadResult {
        switch state.withLock({ $0.contents[inode] }) {
        case .bytes(let bytes): return .part(of: bytes, at: offset, count: count)
        case .file(let file, let byteCount):
            let start = min(offset, byteCount)
            return .file(file, offset: start, count: Int(min(Int64(count), byteCount - start)))
        default: throw .isDirectory
        }
    }

    func readDirectory(
        _ inode: InodeNumber,
        from offset: DirectoryOffset,
        into buffer: inout DirectoryBuffer
    ) async throws(Errno) {
        guard case .directory(let children) = state.withLock({ $0.contents[inode] }) else { throw .notDirectory }
        for (dot, name) in [(1, "."), (2, "..")] as [(DirectoryOffset, FileName)] where dot > offset {
            guard buffer.append(name, inode, .directory, next: dot) else { return }
        }
        for child in children where child.offset > offset {
            let (entry, isBare) = state.withLock { ($0.entry(child.inode), $0.bareNames.contains(child.name)) }
            guard let attributes = entry.attributes else { continue }
            guard buffer.takesAttributes, !isBare else {
                guard buffer.append(child.name, child.inode, attributes.kind, next: child.offset) else { return }
                continue
            }
            guard buffer.append(child.name, entry, next: child.offset) else { return }
            state.withLock { $0.lookups[child.inode, default: 0] += 1 }
        }
    }

    func extendedAttribute(_ name: FileName, of inode: InodeNumber) async throws(Errno) -> [UInt8] {
        guard name == "user.kind" else { throw .noData }
        return Array("memory".utf8)
    }

    func extendedAttributeNames(of inode: InodeNumber) async throws(Errno) -> [FileName] { ["user.kind", "user.é"] }

    func statistics() -> FileSystemStatistics {
        FileSystemStatistics(fileCount: UInt64(state.withLock { $0.contents.count }), byteCount: 8192)
    }

    func forget(_ inode: InodeNumber, lookups: UInt64) {
        state.withLock { state in
            let held = state.lookups[inode] ?? 0
            if held < lookups { state.forgottenTooMany = true }
            state.lookups[inode] = held > lookups ? held - lookups : nil
        }
    }
}

extension MemoryFileSystem.State {
    fileprivate mutating func insert(_ child: MemoryFileSystem.Child, in parent: InodeNumber) {
        guard case .directory(let children) = contents[parent] else { return }
        contents[parent] = .directory(children + [child])
    }

    fileprivate func entry(_ inode: InodeNumber) -> Entry {
        Entry(attributes(inode), attributeLifetime: .seconds(3600), entryLifetime: entryLifetime)
    }

    fileprivate func attributes(_ inode: InodeNumber) -> Attributes {
        let (kind, permissions, size): (Attributes.Kind, UInt32, Int64) =
            switch contents[inode] {
            case .bytes(let bytes): (.file, 0o444, Int64(bytes.count))
            case .file(_, let byteCount): (.file, 0o444, byteCount)
            case .link(let target): (.symlink, 0o777, Int64(target.utf8.count))
            case .directory, nil: (.directory, 0o555, 0)
            }
        return Attributes(
            inode: inode,
            kind: kind,
            permissions: permissions,
            size: UInt64(size),
            modified: (seconds: 1_700_000_000, nanoseconds: 0),
            user: 0,
            group: 0
        )
    }
}
