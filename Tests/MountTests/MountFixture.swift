import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// A library mounted for a test: the emulator in this process, the built `mount.claro` as a child, the real kernel
/// between them.
struct MountFixture: Sendable {
    let emulator: Emulator
    /// Where it is mounted.
    let path: String
    let scratch: ScratchDirectory
    let daemon: ChildProcess

    /// Mounts `workspace`, runs `body`, unmounts, and requires that the daemon ended well.
    static func with(
        _ workspace: Workspace = .sample,
        options: [String] = [],
        configuration: Emulator.Configuration = .init(),
        _ body: (MountFixture) async throws -> Void
    ) async throws {
        try await places.take {
            let emulator = try await Emulator.start(workspace, configuration: configuration)
            do {
                try await with(serving: emulator, options: options, body)
            } catch {
                await emulator.stop()
                throw error
            }
            await emulator.stop()
        }
    }

    /// Six mounts at once keep two processors busy.
    static let places = Places(6)

    /// Mounts what `emulator` serves; otherwise as above. `source` is an address that leads to it in another way than
    /// its own; `environment` is all that the daemon gets.
    static func with(
        serving emulator: Emulator,
        source: String? = nil,
        options: [String] = [],
        environment: [String: String] = ["BAYT_API_KEY": key],
        _ body: (MountFixture) async throws -> Void
    ) async throws {
        try await ScratchDirectory.with { scratch in
            let mount = try await start(
                emulator,
                source: source,
                in: scratch,
                options: options,
                environment: environment
            )
            try await mount.run(body)
        }
    }

    /// Runs `body`, unmounts, and requires that the daemon ended well.
    func run(_ body: (MountFixture) async throws -> Void) async throws {
        do {
            try await body(self)
        } catch {
            _ = try await end()
            throw error
        }
        let end = try await end()
        #expect(end.status == 0, "the daemon ended with \(end.status): \(end.errors)")
    }

    /// The built programs are beside the one that runs the tests.
    static func program(_ name: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
    }

    static let key = "sk_live_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"

    /// Starts the daemon in the foreground and waits until it says that it is mounted: at `name` in `scratch`, where also
    /// the cache is, perhaps from before, unless the options say otherwise. `source` is an address that leads to the
    /// emulator in another way than its own; the daemon gets `environment`, if it is not just the key. With `preparation`,
    /// some lines of bash, it gets its own view of the machine's mounts, changed by them, and nobody else sees its mount.
    /// Throws `MountError` where the daemon ends instead.
    static func start(
        _ emulator: Emulator,
        source: String? = nil,
        in scratch: ScratchDirectory,
        at name: String = "mount",
        options: [String] = [],
        key: String? = key,
        environment: [String: String]? = nil,
        preparation: String? = nil
    ) async throws -> MountFixture {
        // Where a dead daemon's mount is, nothing can be asked of the directory.
        let path = "\(scratch.path)/\(name)"
        mkdir(path, 0o700)
        let all = ["cache=\(scratch.path)/cache"] + options
        let command = [
            try program("mount.claro"), source ?? emulator.url, path, "--foreground", "-o", all.joined(separator: ","),
        ]
        let wrapper = preparation.map { ["unshare", "-m", "bash", "-ec", "\($0)\nexec \"$0\" \"$@\""] } ?? []
        let daemon = try await ChildProcess.start(
            wrapper + command,
            environment: environment ?? key.map { ["BAYT_API_KEY": $0] } ?? [:]
        )
        guard await daemon.waitForError("is mounted on") else {
            let end = try await daemon.end()
            throw MountError(description: "mount.claro ended with \(end.status): \(end.errors)")
        }
        // Where a process sees its mounts, others can see them (proc(5)).
        let place = preparation == nil ? path : "/proc/\(daemon.processIdentifier)/root\(path)"
        return MountFixture(emulator: emulator, path: place, scratch: scratch, daemon: daemon)
    }

    struct MountError: Error, CustomStringConvertible {
        let description: String
    }

    /// Ends the daemon as a service manager would; one that hangs is killed, and its mount taken down.
    func end() async throws -> ChildProcess.Output {
        daemon.signal(SIGTERM)
        let killer = Task {
            try await Task.sleep(for: .seconds(30))
            daemon.signal(SIGKILL)
        }
        let output = try await daemon.end()
        killer.cancel()
        _ = try await ChildProcess.run(["sh", "-c", "mountpoint -q \(path) && umount -l \(path); true"])
        return output
    }

    // MARK: Using it

    /// Runs a line of bash with the mount as working directory.
    func bash(_ line: String, timeout: Int = 120) async throws -> ChildProcess.Output {
        try await ChildProcess.run(["bash", "-c", line], directory: path, timeout: timeout)
    }

    /// Runs a line of bash that must succeed, and returns what it prints.
    @discardableResult
    func output(of line: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let output = try await bash(line)
        #expect(output.status == 0, "\(line): \(output.errors)", sourceLocation: sourceLocation)
        return output.text
    }

    /// A file's bytes.
    ///
    /// - Throws: `POSIXError` with the errno of the call that failed.
    func read(_ name: String) async throws -> [UInt8] {
        let file = "\(path)/\(name)"
        return try await offPool {
            let descriptor = try check(open(file, O_RDONLY))
            defer { close(descriptor) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = try check(Glibc.read(descriptor, &buffer, buffer.count))
                guard count > 0 else { return bytes }
                bytes += buffer[..<count]
            }
        }
    }

    func text(_ name: String) async throws -> String { String(decoding: try await read(name), as: UTF8.self) }

    /// What `lstat` tells.
    func status(_ name: String) async throws -> stat {
        let file = "\(path)/\(name)"
        return try await offPool {
            var status = stat()
            _ = try check(lstat(file, &status))
            return status
        }
    }

    /// The names in a directory, sorted, without `.` and `..`.
    func names(_ directory: String) async throws -> [String] {
        let directory = "\(path)/\(directory)"
        return try await offPool {
            guard let stream = opendir(directory) else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            defer { closedir(stream) }
            var names: [String] = []
            while true {
                errno = 0
                guard let entry = readdir(stream) else {
                    guard errno == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
                    return names.sorted()
                }
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != "." && name != ".." { names.append(name) }
            }
        }
    }

    /// The errno of reading a file to its end; nil: it was read.
    func readError(_ name: String) async throws -> POSIXErrorCode? {
        do {
            _ = try await read(name)
            return nil
        } catch let error as POSIXError {
            return error.code
        }
    }

    /// The kernel's requests so far, by opcode, without those that asking costs.
    func kernelRequests() async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in try await text(".claro/metrics").split(separator: "\n") {
            guard line.hasPrefix("claro_fuse_requests_total{opcode=\"") else { continue }
            let parts = line.split(separator: "\"")
            counts[String(parts[1])] = Int(parts[2].drop { $0 != " " }.dropFirst())
        }
        return counts
    }
}

/// The result of a system call, or its errno as an error.
@discardableResult
func check<Result: SignedInteger>(_ result: Result) throws -> Result {
    guard result != -1 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    return result
}
