import Glibc

/// `/proc/PID/status` of a process or a thread (proc(5)). It is read for every request to the API, so by bytes.
struct ProcessStatus {
    private let bytes: [UInt8]

    init(text: String) { bytes = Array(text.utf8) }

    /// nil: it is gone, or cannot be seen from here.
    init?(of thread: pid_t) {
        let descriptor = open("/proc/\(thread)/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        bytes = Array(unsafeUninitializedCapacity: 4096) { buffer, count in
            count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
        }
        if bytes.isEmpty { return nil }
    }

    /// What stands behind `field`, which ends with a colon.
    subscript(field: String) -> String? {
        let field = Array(field.utf8)
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            let line = rest[..<end]
            if line.starts(with: field) {
                let value = line.dropFirst(field.count).drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                return String(decoding: value, as: UTF8.self)
            }
            rest = rest[end...].dropFirst()
        }
        return nil
    }
}
