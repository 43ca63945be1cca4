import FUSE
import Glibc
import SystemPackage
import Testing

struct OpenFileTests {
    private static let body = [UInt8](0..<10)

    @Test(arguments: [
        (0, 4, 0..<4), (0, 10, 0..<10), (0, 11, 0..<10), (9, 1, 9..<10), (9, 2, 9..<10), (10, 1, 10..<10),
        (11, 1, 10..<10), (Int64.max, 1, 10..<10), (0, 0, 0..<0), (3, 0, 3..<3),
    ])
    func `a part is short at the end and empty behind it`(offset: Int64, count: Int, range: Range<Int>) {
        guard case .bytes(let bytes, let part) = ReadResult.part(of: Self.body, at: offset, count: count) else {
            Issue.record("not bytes")
            return
        }
        #expect(bytes == Self.body)
        #expect(part == range)
    }

    @Test func `a part of nothing is empty`() {
        guard case .bytes(_, let part) = ReadResult.part(of: [], at: 0, count: 4096) else {
            Issue.record("not bytes")
            return
        }
        #expect(part.isEmpty)
    }

    @Test func `a descriptor lives as long as its owner`() throws {
        var file: OpenFile? = OpenFile(try .open("/dev/null", .readOnly))
        let descriptor = try #require(file).descriptor.rawValue
        #expect(fcntl(descriptor, F_GETFD) >= 0)
        file = nil
        // Another test may have been given the number meanwhile; then it is not /dev/null.
        var status = stat()
        #expect(fstat(descriptor, &status) != 0 || status.st_rdev != 0x103)
    }
}
