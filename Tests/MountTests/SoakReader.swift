import Foundation

/// Looks at one thing after the other in a mount, as a program would, on its own thread.
struct SoakReader: Sendable {
    typealias Instant = ContinuousClock.Instant

    let mount: SoakMount
    let library: SoakLibrary
    let tally: SoakTally

    /// Between two looks, so that the machine has time for the rest.
    private static let pause: UInt32 = 5_000

    func run(until end: Instant, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        while .now < end {
            let thing = library.thing(using: &random)
            let start = Instant.now
            let outcome = look(at: thing, using: &random)
            let look = SoakLook(thing: thing, outcome: outcome, start: start, end: .now)
            tally.add(wait: look.end - look.start)
            tally.add(look, at: mount)
            usleep(Self.pause)
        }
    }

    private func look(at thing: SoakThing, using random: inout SeededRandom) -> SoakLook.Outcome {
        let path = "\(mount.path)/\(thing.path)"
        do {
            switch thing {
            case .listing: return .names(try Self.names(path))
            case .latest: return .target(try Self.target(path))
            case .file, .filledText, .latestText: return try Self.read(path, using: &random)
            }
        } catch let error as POSIXError {
            return .failure(error.code)
        } catch {
            return .failure(.EIO)
        }
    }

    /// A file's size, all of a file, or some of it.
    private static func read(_ path: String, using random: inout SeededRandom) throws -> SoakLook.Outcome {
        if Int.random(in: 0..<8, using: &random) == 0 {
            var status = stat()
            try check(lstat(path, &status))
            return .size(Int(status.st_size))
        }
        let descriptor = try check(open(path, O_RDONLY))
        defer { close(descriptor) }
        var status = stat()
        try check(fstat(descriptor, &status))
        let size = Int(status.st_size)
        let isWhole = Bool.random(using: &random)
        let start = isWhole ? 0 : Int.random(in: 0...size, using: &random)
        let end = isWhole ? size : Int.random(in: start...size, using: &random)
        // A byte more than there should be.
        var bytes = [UInt8](repeating: 0, count: end - start + (end == size ? 1 : 0))
        var count = 0
        while count < bytes.count {
            let part = try bytes[count...].withUnsafeMutableBytes {
                try check(pread(descriptor, $0.baseAddress, $0.count, start + count))
            }
            guard part > 0 else { break }
            count += part
        }
        return count < end - start
            ? .size(count) : .bytes(Array(bytes[..<count]), start: start, size: max(size, start + count))
    }

    private static func target(_ path: String) throws -> String {
        var characters = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try check(readlink(path, &characters, characters.count))
        return String(decoding: characters[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func names(_ path: String) throws -> Set<String> {
        guard let stream = opendir(path) else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        defer { closedir(stream) }
        var names: Set<String> = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
                return names.subtracting([".", ".."])
            }
            names.insert(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
    }
}
