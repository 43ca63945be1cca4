import ClaroEmulator
import Foundation
import Testing

@testable import ClaroAPI

struct TLSTests {
    private func failure(_ fixture: ClientFixture) async -> APIError? {
        do {
            _ = try await fixture.prompt()
            return nil
        } catch {
            return error as? APIError
        }
    }

    /// Runs `body` with a client that talks to its emulator over TLS, as `change` sets it up.
    private func withTLS(
        _ kind: TLSFront.Kind = .tunnel,
        _ change: (inout ClaroClient.Configuration, TLSFront) throws -> Void,
        _ body: (ClientFixture) async throws -> Void,
        then check: (TLSFront) throws -> Void = { _ in }
    ) async throws {
        try await ClientFixture.with { plain in
            let front = try TLSFront(to: plain.emulator, kind: kind)
            defer { front.stop() }
            var configuration = ClaroClient.Configuration(baseURL: try BaseURL(front.url))
            try change(&configuration, front)
            let client = ClaroClient(
                configuration: configuration,
                credentials: try Credentials(key: ClientFixture.key),
                logger: plain.log.logger
            )
            defer { client.shutdown() }
            try await body(
                ClientFixture(emulator: plain.emulator, client: client, clock: plain.clock, log: plain.log)
            )
            try check(front)
        }
    }

    @Test func `an own certificate authority is trusted if its file is given`() async throws {
        try await withTLS {
            $0.caFile = $1.caFile
        } _: { fixture in
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("one".utf8))
        }
    }

    @Test func `a certificate of an unknown authority is refused before anything is sent`() async throws {
        try await withTLS { _, _ in
        } _: { fixture in
            let error = await failure(fixture)
            #expect(error?.code == .tls)
            #expect(error?.attempts == 1)
            #expect(error?.wasHeldBack == false)
            #expect(fixture.emulator.requests.total == 0)
            #expect(await failure(fixture)?.wasHeldBack == false)
        }
    }

    @Test func `a certificate for another host is refused`() async throws {
        try await withTLS {
            $0.caFile = $1.caFile
            $0.baseURL = try BaseURL($1.url.replacingOccurrences(of: "localhost", with: "127.0.0.1"))
        } _: { fixture in
            #expect(await failure(fixture)?.code == .tls)
            #expect(fixture.emulator.requests.total == 0)
        }
    }

    @Test func `a CA file that is not there is an error of TLS`() async throws {
        try await withTLS { configuration, _ in
            configuration.caFile = "/nonexistent/ca.pem"
        } _: { fixture in
            #expect(await failure(fixture)?.code == .tls)
        }
    }

    @Test func `a server that speaks no TLS is an error of TLS`() async throws {
        try await ClientFixture.with(client: {
            $0.baseURL = try BaseURL($0.baseURL.description.replacingOccurrences(of: "http:", with: "https:"))
        }) { fixture in
            #expect(await failure(fixture)?.code == .tls)
        }
    }

    @Test func `over HTTP2 all requests of a moment share one connection`() async throws {
        try await withTLS(.http2) { configuration, front in
            configuration.caFile = front.caFile
        } _: { fixture in
            fixture.emulator.latency = .milliseconds(50)
            try await withThrowingTaskGroup { group in
                for _ in 0..<60 {
                    group.addTask { try await fixture.prompt().content }
                }
                for try await content in group { #expect(content == Array("one".utf8)) }
            }
            #expect(fixture.emulator.requests.total == 60)
        } then: { front in
            let answered = try front.answered
            #expect(answered.map(\.protocolName) == Array(repeating: "h2", count: 60))
            #expect(Set(answered.map(\.port)).count == 1)
        }
    }

    // MARK: Proxies, which libcurl takes from the environment

    @Test func `HTTPS_PROXY is used for other hosts`() async {
        await #expect(processExitsWith: .success) {
            try await ClientFixture.with(client: { $0.baseURL = try BaseURL("https://claro.invalid") }) { fixture in
                setenv("HTTPS_PROXY", fixture.emulator.url, 1)
                let error = await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
                #expect(error?.code == .unreachable)
                #expect(error?.cause.hasPrefix("the proxy answered 4") == true)
                #expect(fixture.emulator.requests.entries.map(\.method) == ["CONNECT"])
                #expect(fixture.emulator.requests.entries.map(\.hasAuthorization) == [false])
            }
        }
    }

    @Test func `NO_PROXY exempts hosts from it`() async {
        await #expect(processExitsWith: .success) {
            try await ClientFixture.with(client: { $0.baseURL = try BaseURL("https://claro.invalid") }) { fixture in
                setenv("HTTPS_PROXY", fixture.emulator.url, 1)
                setenv("NO_PROXY", "claro.invalid", 1)
                let error = await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
                #expect(error?.cause.contains("resolve host") == true)
                #expect(fixture.emulator.requests.total == 0)
            }
        }
    }

    @Test func `this machine is never reached by way of a proxy`() async {
        await #expect(processExitsWith: .success) {
            for name in ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"] { setenv(name, "http://127.0.0.1:1", 1) }
            try await ClientFixture.with { fixture in
                _ = try await fixture.prompt()
            }
        }
    }
}
