import Foundation

/// An empty directory that is gone afterwards; with `CLARO_KEEP_SCRATCH=1` it stays, to be looked at.
package struct ScratchDirectory: Sendable {
    package let path: String

    package static func with<Value>(_ body: (ScratchDirectory) async throws -> Value) async throws -> Value {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("claro-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer {
            if ProcessInfo.processInfo.environment["CLARO_KEEP_SCRATCH"] != "1" {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
        return try await body(ScratchDirectory(path: path))
    }

    package func makeDirectory(_ name: String) throws -> String {
        let directory = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return directory
    }

    package func write(_ bytes: some Sequence<UInt8>, to name: String, mode: Int = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }
}
