import Glibc
import Testing

/// An empty directory for one test, gone afterwards with all that is in it, one level deep.
enum TemporaryDirectory {
    static func with<Result>(_ body: (_ path: String) throws -> Result) throws -> Result {
        var template = Array("/tmp/mount.claro-test.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { remove(path) }
        return try body(path)
    }

    private static func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name == "." || name == ".." { continue }
                if unlink("\(path)/\(name)") != 0 { rmdir("\(path)/\(name)") }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}
