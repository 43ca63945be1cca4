import Glibc

/// The few socket calls that the relay makes, on loopback over IPv4. Descriptors are the caller's to close.
enum TCPSocket {
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ call: String, _ code: Int32) {
            description = "\(call): \(String(cString: strerror(code)))"
        }
    }

    static func bound(toPort port: UInt16) throws(Failure) -> Int32 {
        let descriptor = try make()
        setOption(SO_REUSEADDR, of: descriptor, level: SOL_SOCKET, to: Int32(1))
        guard withAddress(port: port, { bind(descriptor, $0, $1) }) == 0 else {
            defer { close(descriptor) }
            throw Failure("bind to 127.0.0.1:\(port)", errno)
        }
        return descriptor
    }

    static func connected(toPort port: UInt16) throws(Failure) -> Int32 {
        let descriptor = try make()
        guard withAddress(port: port, { connect(descriptor, $0, $1) }) == 0 else {
            defer { close(descriptor) }
            throw Failure("connect to 127.0.0.1:\(port)", errno)
        }
        sendAtOnce(descriptor)
        return descriptor
    }

    static func localPort(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Sends everything; false when the peer is gone.
    static func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    /// Does not hold small segments back until older ones are acknowledged (Nagle's algorithm, tcp(7)): an HTTP head
    /// and its body, written one after the other, would lie 40 ms apart.
    static func sendAtOnce(_ descriptor: Int32) {
        setOption(TCP_NODELAY, of: descriptor, level: Int32(IPPROTO_TCP), to: Int32(1))
    }

    /// A child process that held a copy would keep the connection open after we close it.
    static func keepFromChildren(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Makes close(2) send RST in place of FIN (SO_LINGER of zero seconds, socket(7)).
    static func resetOnClose(_ descriptor: Int32) {
        setOption(SO_LINGER, of: descriptor, level: SOL_SOCKET, to: linger(l_onoff: 1, l_linger: 0))
    }

    private static func make() throws(Failure) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("socket", errno) }
        return descriptor
    }

    private static func setOption(_ option: Int32, of descriptor: Int32, level: Int32, to value: some BitwiseCopyable) {
        withUnsafeBytes(of: value) { _ = setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count)) }
    }

    private static func withAddress<Result>(
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
