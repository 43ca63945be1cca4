import Foundation
import TestSupport
import Testing

/// Everything at the same time, for as long as one likes: `scripts/soak` runs it.
struct SoakTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let minutes = environment["CLARO_SOAK_MINUTES"].flatMap { Double($0) }
    private static let seed = environment["CLARO_SOAK_SEED"].flatMap { UInt64($0) }

    @Test(.enabled(if: minutes != nil, "scripts/soak runs it"))
    func `whatever goes on at the same time, nothing wrong is read, nobody waits for ever, and no daemon grows`()
        async throws
    {
        let seed = Self.seed ?? .random(in: 1...999_999)
        let library = try await SoakLibrary.start(seed: seed)
        try await StoreFixture.with(serving: library.emulator) { store async throws in
            let duration = Duration.seconds(60 * (Self.minutes ?? 0))
            try await Soak(on: library, in: store, for: duration, seed: seed, report: Self.report).run()
        }
    }

    /// Writes a line to the file that `CLARO_SOAK_REPORT` names.
    private static func report(_ line: String) {
        guard let path = environment["CLARO_SOAK_REPORT"] else { return }
        let descriptor = open(path, O_WRONLY | O_APPEND)
        defer { close(descriptor) }
        let text = "\(line)\n"
        _ = write(descriptor, text, text.utf8.count)
    }
}
