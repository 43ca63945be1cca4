import ClaroEmulator
import Foundation
import Synchronization
import TestSupport

/// Has the API fail at random, for seconds, and waits until every mount has recovered.
final class SoakWeather: Sendable {
    /// Something that goes wrong with all requests, or with those for attachments.
    enum Kind: Sendable {
        case api(Fault)
        case storage(Fault)
        case refused
    }

    private static let all: [(name: String, kind: Kind)] = [
        ("401", .api(.status(401))), ("429", .api(.rateLimit(retryAfter: 2))), ("500", .api(.status(500))),
        ("503", .api(.status(503))), ("refused", .refused), ("silence", .api(.noAnswer)), ("hanging", .api(.hang)),
        ("late", .api(.latency(.seconds(2)))), ("slow", .api(.slowDrip(bytesPerSecond: 20_000))),
        ("garbage", .api(.garbage)), ("half of the JSON", .api(.truncatedJSON)), ("HTML", .api(.wrongContentType)),
        ("no HTTP", .api(.malformedHTTP)), ("reset", .api(.reset(after: .nothing))),
        ("reset in the headers", .api(.reset(after: .status))), ("reset in the body", .api(.reset(after: .headers))),
        ("cut off", .api(.cutBody(after: 1_000))), ("redirect", .api(.redirect(to: "http://127.0.0.2:9/"))),
        ("storage 403", .storage(.status(403))), ("storage 500", .storage(.status(500))),
        ("storage cut off", .storage(.cutBody(after: 1_000))), ("storage silence", .storage(.noAnswer)),
        ("storage slow", .storage(.slowDrip(bytesPerSecond: 50_000))),
    ]

    private let emulator: Emulator
    private let mounts: [SoakMount]
    private let counts = Mutex<[String: Int]>([:])

    init(_ emulator: Emulator, _ mounts: [SoakMount]) {
        self.emulator = emulator
        self.mounts = mounts
    }

    /// How often each failure came.
    var failureCounts: [String: Int] { counts.withLock { $0 } }

    func run(until end: ContinuousClock.Instant, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        while true {
            let calm = Duration.milliseconds(Int.random(in: 4_000...12_000, using: &random))
            let duration = Duration.milliseconds(Int.random(in: 500...8_000, using: &random))
            guard let (name, kind) = Self.all.randomElement(using: &random), .now + calm + duration < end else { break }
            try await Task.sleep(for: calm)
            for mount in mounts { mount.beginFailure() }
            try await bring(kind, for: duration)
            counts.withLock { $0[name, default: 0] += 1 }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for mount in mounts { group.addTask { try await mount.recover() } }
                try await group.waitForAll()
            }
        }
    }

    private func bring(_ kind: Kind, for duration: Duration) async throws {
        switch kind {
        case .api(let fault): emulator.inject(fault, on: .operation(.getPrompt, .listPrompts, .downloadURL))
        case .storage(let fault): emulator.inject(fault, on: .storage)
        case .refused: await emulator.stop()
        }
        try await Task.sleep(for: duration)
        emulator.clearFaults()
        if case .refused = kind { try await emulator.restart() }
    }
}
