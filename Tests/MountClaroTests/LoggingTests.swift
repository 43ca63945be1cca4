import Glibc
import Logging
import SystemPackage
import Testing

@testable import ClaroCommand
@testable import mount_claro

struct LoggingTests {
    @Test func `a log line reaches the system's log as one RFC 3164 datagram`() throws {
        try SyslogSocketFixture.with { path, receive in
            var logger = Logger(label: "test") { _ in SyslogHandler(path: path) }
            logger[metadataKey: "package"] = "@a/b:v1"
            logger.warning("getting failed\nfor good", metadata: ["status": "503"])
            let line = try receive()
            #expect(line == "<28>mount.claro[\(getpid())]: getting failed for good package=@a/b:v1 status=503")
        }
    }

    @Test func `a key in a log line is hidden`() throws {
        try SyslogSocketFixture.with { path, receive in
            Logger(label: "test") { _ in SyslogHandler(path: path) }.error(
                "refused sk_live_123",
                metadata: ["k": "sk_4"]
            )
            let line = try receive()
            #expect(line == "<27>mount.claro[\(getpid())]: refused sk_… k=sk_…")
        }
    }

    @Test(arguments: [
        ("getting @acme/task_list:v3 failed", "getting @acme/task_list:v3 failed"),
        ("key=sk_a-b_C9, Bearer sk_1", "key=sk_…, Bearer sk_…"),
        ("one\ntwo\r\nthree\u{1B}[1m", "one two three [1m"),
    ])
    func `keys and control characters are taken from a line, names are not`(text: String, line: String) {
        #expect(MountFailure.withoutKeys(text) == line)
    }

    @Test func `a log that is full or gone does not hold the caller up`() throws {
        try SyslogSocketFixture.with { path, _ in
            let logger = Logger(label: "test") { _ in SyslogHandler(path: path) }
            for number in 0..<10_000 { logger.error("line \(number)") }
        }
        Logger(label: "test") { _ in SyslogHandler(path: "/nonexistent/log") }.error("lost")
    }

    @Test(arguments: zip(Logger.Level.allCases, [31, 31, 30, 29, 28, 27, 26]))
    func `levels become syslog's priorities`(level: Logger.Level, priority: Int) {
        #expect(SyslogHandler.priority(level) == priority)
    }
}

/// A datagram socket in a directory of its own, in place of the system's log.
private enum SyslogSocketFixture {
    static func with(_ body: (_ path: String, _ receive: () throws -> String) throws -> Void) throws {
        try TemporaryDirectory.with { directory in
            let path = "\(directory)/log"
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(result == 0)
            try body(path) {
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
                try #require(count >= 0)
                return String(decoding: bytes[..<count], as: UTF8.self)
            }
        }
    }
}
