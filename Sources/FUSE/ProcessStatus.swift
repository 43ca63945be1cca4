import Glibc

/// `/proc/PID/status` of a process or a thread (proc(5)).
struct ProcessStatus {
    private let text: String

    init(text: String) { self.text = text }

    /// nil: it is gone, or cannot be seen from here.
    init?(of thread: pid_t) {
        let descriptor = open("/proc/\(thread)/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let text = withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
        }
        guard let text else { return nil }
        self.text = text
    }

    /// What stands behind `field`, which ends with a colon.
    subscript(field: String) -> String? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field) }) else { return nil }
        return String(line.dropFirst(field.count).trimmingPrefix { $0 == " " || $0 == "\t" })
    }
}
