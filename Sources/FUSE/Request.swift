import CFUSE
import Glibc
import SystemPackage

/// One request of the kernel, which is answered exactly once: replying consumes it, and one that is dropped answers EIO.
///
/// `@unchecked Sendable`: libfuse allows a reply from any thread, and being move-only there is one owner at a time.
struct Request: ~Copyable, @unchecked Sendable {
    private let raw: OpaquePointer

    init(_ raw: OpaquePointer) { self.raw = raw }

    /// The thread that waits for the answer; 0 when it lives outside this process's pid namespace.
    var thread: pid_t { cfuse_request_thread(raw) }

    /// Has `pending` told when the caller is interrupted. It must not reply from there: libfuse holds the request's lock.
    func watchInterrupts(_ pending: PendingRequest) {
        cfuse_on_interrupt(
            raw,
            { _, context in
                Unmanaged<PendingRequest>.fromOpaque(context).takeUnretainedValue().interrupt()
            },
            Unmanaged.passUnretained(pending).toOpaque()
        )
    }

    /// When this has returned, no call of `interrupt` is under way and none will come.
    func unwatchInterrupts() { cfuse_on_interrupt(raw, nil, nil) }

    consuming func fail(_ error: Errno) {
        cfuse_reply_error(raw, error.rawValue)
        discard self
    }

    consuming func reply(_ entry: Entry) {
        var native = entry.native
        cfuse_reply_entry(raw, &native)
        discard self
    }

    consuming func reply(_ attributes: Attributes, lifetime: Duration) {
        var native = attributes.native
        cfuse_reply_attributes(raw, &native, lifetime.inSeconds)
        discard self
    }

    consuming func reply(target: String) {
        cfuse_reply_link(raw, target)
        discard self
    }

    consuming func reply(_ result: ReadResult) {
        switch result {
        case .bytes(let bytes, let range):
            bytes.withUnsafeBytes { whole in
                let part = UnsafeRawBufferPointer(rebasing: whole[range])
                cfuse_reply_bytes(raw, part.baseAddress, part.count)
            }
        case .file(let file, let offset, let count):
            cfuse_reply_file(raw, file.descriptor.rawValue, offset, count)
            // The descriptor must stay open until the bytes are on their way.
            withExtendedLifetime(file) {}
        }
        discard self
    }

    consuming func reply(_ directory: DirectoryBuffer) {
        directory.withFilledBytes { cfuse_reply_bytes(raw, $0.baseAddress, $0.count) }
        discard self
    }

    consuming func reply(_ statistics: FileSystemStatistics) {
        var native = statistics.native
        cfuse_reply_statistics(raw, &native)
        discard self
    }

    /// An extended attribute or the list of them, by the rules of getxattr(2): `space` 0 asks for the size only, and
    /// too little space is ERANGE.
    consuming func reply(extendedAttribute value: [UInt8], space: Int) {
        if space == 0 {
            cfuse_reply_extended_attribute_size(raw, value.count)
        } else if value.count > space {
            cfuse_reply_error(raw, Errno.outOfRange.rawValue)
        } else {
            value.withUnsafeBytes { cfuse_reply_bytes(raw, $0.baseAddress, $0.count) }
        }
        discard self
    }

    deinit { cfuse_reply_error(raw, Errno.ioError.rawValue) }
}
