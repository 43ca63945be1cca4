import CFUSE
import Dispatch
import Synchronization
import SystemPackage

/// Brings each request to the filesystem and its answer back: exactly one, on every path.
final class Dispatcher: Sendable {
    private let fileSystem: any FileSystem
    private let invalidations: Invalidations
    private let pages: PagePusher
    private let suspended = Mutex<[ObjectIdentifier: PendingRequest]>([:])
    private let unanswered = DispatchGroup()

    init(_ fileSystem: any FileSystem, _ invalidations: Invalidations, _ pages: PagePusher) {
        self.fileSystem = fileSystem
        self.invalidations = invalidations
        self.pages = pages
    }

    var suspendedCount: Int { suspended.withLock { $0.count } }

    /// Ends the wait of every request that has suspended.
    func cancelSuspended() {
        for pending in suspended.withLock({ Array($0.values) }) { pending.cancel() }
    }

    func waitUntilAnswered() { unanswered.wait() }

    /// The callbacks for libfuse, whose context is a dispatcher. They capture nothing, copy what is lent, and return at
    /// the first suspension of the work at the latest.
    static let operations = cfuse_operations(
        lookup: { context, request, parent, name in
            let name = FileName(cString: name)
            from(context).answer(request, reply: { $0.reply($1) }) { fileSystem throws(Errno) in
                try await fileSystem.lookup(name, in: InodeNumber(rawValue: parent))
            }
        },
        forget: { context, node, lookups in
            from(context).fileSystem.forget(InodeNumber(rawValue: node), lookups: lookups)
        },
        get_attributes: { context, request, node in
            from(context).answer(request, reply: { $0.reply($1.attributes, lifetime: $1.lifetime) }) {
                fileSystem throws(Errno) in
                try await fileSystem.attributes(of: InodeNumber(rawValue: node))
            }
        },
        read_link: { context, request, node in
            from(context).answer(request, reply: { $0.reply(target: $1) }) { fileSystem throws(Errno) in
                try await fileSystem.readLink(InodeNumber(rawValue: node))
            }
        },
        read: { context, request, node, offset, size in
            from(context).answer(request, reply: { $0.reply($1) }) { fileSystem throws(Errno) in
                try await fileSystem.read(InodeNumber(rawValue: node), at: offset, count: size)
            }
        },
        read_directory: { context, request, node, offset, size, isPlus in
            let dispatcher = from(context)
            let reply: @Sendable (consuming Request, DirectoryBuffer) -> Void = { request, buffer in
                dispatcher.pages.push(buffer.pages)
                request.reply(buffer)
            }
            dispatcher.answer(request, reply: reply) { fileSystem throws(Errno) in
                var buffer = DirectoryBuffer(byteCount: size, withAttributes: isPlus)
                try await fileSystem.readDirectory(InodeNumber(rawValue: node), from: offset, into: &buffer)
                return buffer
            }
        },
        get_statistics: { context, request in
            Request(request).reply(from(context).fileSystem.statistics())
        },
        get_extended_attribute: { context, request, node, name, size in
            let name = name.map { FileName(cString: $0) }
            let inode = InodeNumber(rawValue: node)
            from(context).answer(request, reply: { $0.reply(extendedAttribute: $1, space: size) }) {
                fileSystem throws(Errno) in
                guard let name else {
                    return try await fileSystem.extendedAttributeNames(of: inode).flatMap { $0.bytes + [0] }
                }
                return try await fileSystem.extendedAttribute(name, of: inode)
            }
        },
        // From the first ENOSYS on the kernel opens files and directories by itself, keeps their pages, and sends neither
        // OPEN nor RELEASE (fs/fuse/file.c, fuse_file_open).
        open: { _, request in Request(request).fail(.noFunction) },
        // On a mount that was made writable the kernel writes a changed page of a shared mapping back, and would keep it
        // for all readers although it was refused.
        write: { context, request, node in
            Request(request).fail(.readOnlyFileSystem)
            from(context).invalidations.send([.contents(InodeNumber(rawValue: node))])
        },
        modify: { _, request in Request(request).fail(.readOnlyFileSystem) }
    )

    private static func from(_ context: UnsafeMutableRawPointer) -> Dispatcher {
        Unmanaged<Dispatcher>.fromOpaque(context).takeUnretainedValue()
    }

    /// Starts the work on this thread. If it does not suspend, the answer is given here as well; else by whichever
    /// thread ends it.
    private func answer<Value: Sendable>(
        _ request: OpaquePointer,
        reply: @escaping @Sendable (consuming Request, Value) -> Void,
        _ work: @escaping @Sendable (any FileSystem) async throws(Errno) -> Value
    ) {
        let pending = PendingRequest(Request(request))
        let task = Caller.$thread.withValue(pending.thread) {
            Task.immediate {
                let result: Result<Value, Errno>
                do throws(Errno) { result = .success(try await work(fileSystem)) } catch { result = .failure(error) }
                guard let request = pending.finish() else { return }
                switch result {
                case .success(let value): reply(request, value)
                case .failure(let error): request.fail(error)
                }
                forget(pending)
            }
        }
        remember(pending, task)
    }

    private func remember(_ pending: PendingRequest, _ task: Task<Void, Never>) {
        guard !pending.isAnswered else { return }
        pending.suspended(as: task)
        suspended.withLock { suspended in
            // `forget` comes after the answer, so a request that is found unanswered here will be taken out again.
            guard !pending.isAnswered else { return }
            suspended[ObjectIdentifier(pending)] = pending
            unanswered.enter()
        }
    }

    private func forget(_ pending: PendingRequest) {
        let wasSuspended = suspended.withLock { $0.removeValue(forKey: ObjectIdentifier(pending)) != nil }
        if wasSuspended { unanswered.leave() }
    }
}
