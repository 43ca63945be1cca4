import SystemPackage

/// Files that the kernel makes up while they are read.
package enum ProcFile {
    /// The whole file: read to its end, because its size is told as 0.
    package static func bytes(_ path: String) throws(Errno) -> [UInt8] {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            return try file.closeAfter {
                var bytes: [UInt8] = []
                var part = [UInt8](repeating: 0, count: 1 << 16)
                while true {
                    let count = try part.withUnsafeMutableBytes { try file.read(into: $0) }
                    if count == 0 { return bytes }
                    bytes += part[..<count]
                }
            }
        } catch let error as Errno {
            throw error
        } catch {
            throw .ioError
        }
    }
}
