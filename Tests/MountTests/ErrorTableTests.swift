import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// What a program sees when something is wrong: one row for each thing that can be, one column for what was fetched
/// before and one for what was not.
struct ErrorTableTests {
    /// What was fetched before.
    enum Cached: Sendable {
        /// Is served, and marked as stale.
        case served
        case fails(POSIXErrorCode)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fault: Fault
        let cached: Cached
        let notCached: POSIXErrorCode
        var timeout = 30

        init(_ name: String, _ fault: Fault, cached: Cached, notCached: POSIXErrorCode, timeout: Int = 30) {
            testDescription = name
            self.fault = fault
            self.cached = cached
            self.notCached = notCached
            self.timeout = timeout
        }
    }

    static let rows = [
        Row("404", .status(404), cached: .fails(.ENOENT), notCached: .ENOENT),
        Row("403", .status(403), cached: .fails(.EACCES), notCached: .EACCES),
        Row("401", .status(401), cached: .served, notCached: .EACCES),
        Row("429 beyond the deadline", .rateLimit(retryAfter: 8), cached: .served, notCached: .EAGAIN, timeout: 4),
        Row("400", .status(400), cached: .served, notCached: .EIO),
        Row("500", .status(500), cached: .served, notCached: .EIO),
        Row("503", .status(503), cached: .served, notCached: .EIO),
        Row("garbage", .garbage, cached: .served, notCached: .EIO),
        Row("half of the JSON", .truncatedJSON, cached: .served, notCached: .EIO),
        Row("a body that is cut off", .cutBody(after: 20), cached: .served, notCached: .EIO),
        Row("64 MiB and a byte", .oversized(byteCount: 64 << 20 + 1), cached: .served, notCached: .EIO),
        Row("arrays in arrays", .nesting(depth: 100_000), cached: .served, notCached: .EIO),
        Row("a page of HTML", .wrongContentType, cached: .served, notCached: .EIO),
        Row("JSON of the wrong type", .body(Array(#"["v1"]"#.utf8)), cached: .served, notCached: .EIO),
        Row("no HTTP", .malformedHTTP, cached: .served, notCached: .EIO),
        Row("a reset connection", .reset(after: .nothing), cached: .served, notCached: .EIO),
        Row(
            "a redirect elsewhere",
            .redirect(to: "http://127.0.0.2:9/"),
            cached: .served,
            notCached: .EIO
        ),
        Row("slower than the deadline", .noAnswer, cached: .served, notCached: .ETIMEDOUT, timeout: 3),
    ]

    /// Something that was fetched and is fetched again.
    enum Thing: String, CaseIterable, Sendable {
        case draft, latest, listing

        /// What status.json calls it.
        var subject: String {
            switch self {
            case .draft: "@acme/support:v0"
            case .latest: "@acme/support:latest"
            case .listing: "the listing"
            }
        }

        func look(_ mount: MountFixture, prompt: String = "support") async throws -> String {
            switch self {
            case .draft: try await mount.text("@acme/\(prompt)/v0/content.md")
            case .latest: try await mount.target("@acme/\(prompt)/latest")
            case .listing: try await mount.names("@acme").joined(separator: " ")
            }
        }

        /// Before and after the library changes.
        var before: String {
            switch self {
            case .draft: "first draft"
            case .latest: "v1"
            case .listing: "other support"
            }
        }

        var after: String {
            switch self {
            case .draft: "second draft"
            case .latest: "v2"
            case .listing: "new other support"
            }
        }
    }

    static let library: Workspace = [
        "acme": [
            .init("support", versions: [.init("one")], draft: .init("first draft")),
            .init("other", versions: [.init("one")], draft: .init("other draft")),
        ]
    ]

    static func change(_ library: inout Workspace) {
        library["acme", "support"]?.draft = .init("second draft")
        library["acme", "support"]?.publish(.init("two"))
        library["acme", "new"] = .init("new", versions: [.init("one")])
    }

    /// Nothing is believed longer than a look at it. The listing tells no versions, so `latest` is a thing of its own.
    static let options = ["ttl=0", "draft_ttl=0", "negative_ttl=0", "xattr"]
    static let configuration = Emulator.Configuration { $0.listingVersion = .absent }

    @Test(arguments: rows, Thing.allCases)
    func `what was fetched before`(_ row: Row, _ thing: Thing) async throws {
        let options = Self.options + ["timeout=\(row.timeout)"]
        try await MountFixture.with(Self.library, options: options, configuration: Self.configuration) {
            mount async throws in
            #expect(try await thing.look(mount) == thing.before)
            mount.emulator.update(Self.change)
            mount.emulator.inject(row.fault, on: thing.requests)
            // A listing's 404 is a wrong address: Claro's has no way not to exist.
            let isWrongAddress = thing == .listing && row.testDescription == "404"
            if case .fails(let errno) = row.cached, !isWrongAddress {
                try await eventually { try await errorCode { _ = try await thing.look(mount) } == errno }
                #expect(try await mount.stale()[thing.subject] == nil)
                if thing == .draft {
                    #expect(try await !mount.names("@acme/support").contains("v0"))
                }
            } else {
                try await eventually {
                    #expect(try await thing.look(mount) == thing.before)
                    return try await mount.stale()[thing.subject] != nil
                }
                #expect(try await thing.look(mount) == thing.before)
                if thing == .draft {
                    let name = "@acme/support/v0/content.md"
                    #expect(try await mount.extendedAttribute("user.claro.stale", of: name) != nil)
                }
            }
            mount.emulator.clearFaults()
            mount.daemon.signal(SIGHUP)
            try await eventually("the end of the fault is seen") {
                let seen = try? await thing.look(mount)
                return seen == thing.after
            }
            #expect(try await mount.stale()[thing.subject] == nil)
            if thing == .draft {
                let name = "@acme/support/v0/content.md"
                #expect(try await mount.extendedAttribute("user.claro.stale", of: name) == nil)
            }
        }
    }

    @Test(arguments: rows, [Thing.draft, .latest])
    func `what was never fetched`(_ row: Row, _ thing: Thing) async throws {
        let options = Self.options + ["timeout=\(row.timeout)"]
        try await MountFixture.with(Self.library, options: options, configuration: Self.configuration) {
            mount async throws in
            mount.emulator.inject(row.fault, on: thing.requests)
            #expect(try await errorCode { _ = try await thing.look(mount, prompt: "other") } == row.notCached)
            #expect(try await mount.stale().isEmpty)
        }
    }

    @Test(arguments: rows)
    func `a listing that was never fetched`(_ row: Row) async throws {
        let emulator = try await Emulator.start(Self.library)
        emulator.inject(row.fault, on: .listPrompts)
        let options = ["lazy", "timeout=\(row.timeout)"]
        try await MountFixture.with(serving: emulator, options: options) { mount async throws in
            let errno = row.testDescription == "404" ? .EIO : row.notCached
            #expect(try await errorCode { _ = try await mount.names("") } == errno)
        }
        await emulator.stop()
    }
}

extension ErrorTableTests.Thing {
    var requests: RequestMatcher {
        switch self {
        case .draft: RequestMatcher { $0.operation == .getPrompt && $0.subject?.hasSuffix(":v0") == true }
        case .latest: RequestMatcher { $0.operation == .getPrompt && $0.subject?.hasSuffix(":latest") == true }
        case .listing: .listPrompts
        }
    }
}
