import ClaroAPI
import ClaroEmulator
import ClaroFS
import FUSE
import Logging

/// What the mount's own work costs, without the kernel: calls of the filesystem that memory answers, and parsing.
///
///     swift run -c release claro-bench
@main
struct ClaroBench {
    static func main() async throws {
        let emulator = try await Emulator.start(.measured(prompts: 50, versions: 3))
        do {
            try await measureFileSystem(serving: emulator)
        } catch {
            await emulator.stop()
            throw error
        }
        await emulator.stop()
        try await measureParsing()
    }

    private static func measureFileSystem(serving emulator: Emulator) async throws {
        let client = ClaroClient(
            configuration: .init(baseURL: try BaseURL(emulator.url)),
            credentials: try Credentials(key: "sk_bench"),
            logger: Logger(label: "claro-bench")
        )
        defer { client.shutdown() }
        let fileSystem = ClaroFileSystem(
            .init(source: emulator.url, cacheDirectory: .temporary, user: 0, group: 0),
            client: client,
            invalidations: Invalidations(),
            requestCounts: RequestCounts(),
            logger: Logger(label: "claro-bench")
        )
        try await fileSystem.fetchListing()
        let namespace = try await inode(of: "@library", in: .root, fileSystem)
        let prompt = try await inode(of: "prompt-00007", in: namespace, fileSystem)
        let version = try await inode(of: "v1", in: prompt, fileSystem)
        let text = try await inode(of: "content.md", in: version, fileSystem)

        let stopwatch = Stopwatch()
        try await stopwatch.measure("lookup of a text") {
            _ = try await fileSystem.lookup("content.md", in: version)
        }
        try await stopwatch.measure("lookup of a name that is not there") {
            _ = try await fileSystem.lookup("critique.md", in: version)
        }
        let other = try await inode(of: "metadata.json", in: version, fileSystem)
        fileSystem.forget(other, lookups: 1)
        try await stopwatch.measure("lookup and forget, the inode entered") {
            _ = try await fileSystem.lookup("metadata.json", in: version)
            fileSystem.forget(other, lookups: 1)
        }
        try await stopwatch.measure("attributes of a text") { _ = try await fileSystem.attributes(of: text) }
        try await stopwatch.measure("read of 4 KiB") { _ = try await fileSystem.read(text, at: 0, count: 4_096) }
        for (name, directory) in [("a version", version), ("50 prompts", namespace)] {
            try await stopwatch.measure("readdir of \(name)") {
                var buffer = DirectoryBuffer(byteCount: 32 << 10, withAttributes: false)
                try await fileSystem.readDirectory(directory, from: 0, into: &buffer)
            }
        }
    }

    private static func inode(
        of name: FileName,
        in parent: InodeNumber,
        _ fileSystem: ClaroFileSystem
    ) async throws -> InodeNumber {
        let entry = try await fileSystem.lookup(name, in: parent)
        guard let attributes = entry.attributes else { throw Missing(name: name) }
        return attributes.inode
    }

    private struct Missing: Error {
        let name: FileName
    }

    private static func measureParsing() async throws {
        for kibibytes in [4, 100] {
            let content = String(repeating: #"Answer {{question:string}} \"briefly\".\n"#, count: kibibytes << 10 / 42)
            let bytes = Array(#"{"id": "pmt_1", "version": "v1", "context": [], "content": "\#(content)"}"#.utf8)
            try await Stopwatch().measure("parsing a prompt of \(kibibytes) KiB") { _ = try JSONValue.parse(bytes) }
        }
    }
}
