import ClaroEmulator
import Testing

@testable import ClaroAPI

struct SendTests {
    private func failure(_ fixture: ClientFixture, _ slug: String = "support") async -> APIError? {
        do {
            _ = try await fixture.prompt("acme", slug)
            return nil
        } catch {
            return error as? APIError
        }
    }

    // MARK: Retries

    @Test(arguments: [502, 503, 504])
    func `a gateway's fault is retried three times`(status: Int) async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(status), on: .getPrompt, times: 3)
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("one".utf8))
            #expect(fixture.emulator.requests.total == 4)
            #expect(fixture.clock.sleeps == [.milliseconds(250), .milliseconds(500), .milliseconds(1000)])
        }
    }

    @Test(arguments: [502, 503, 504])
    func `after four attempts a gateway's fault is an error`(status: Int) async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(status))
            let error = await failure(fixture)
            #expect(error?.code == .serverFault)
            #expect(error?.status == status)
            #expect(error?.attempts == 4)
            #expect(error?.wasHeldBack == false)
            #expect(fixture.emulator.requests.total == 4)
        }
    }

    @Test(
        arguments: [
            (400, .badRequest), (401, .unauthorized), (403, .forbidden), (404, .notFound), (405, .badRequest),
            (418, .badRequest), (500, .serverFault), (501, .serverFault), (599, .serverFault), (304, .malformed),
        ] as [(Int, APIError.Code)]
    )
    func `no other status is retried`(status: Int, code: APIError.Code) async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(status))
            let error = await failure(fixture)
            #expect(error?.code == code)
            #expect(error?.status == status)
            #expect(fixture.emulator.requests.total == 1)
            #expect(fixture.clock.sleeps == [])
        }
    }

    @Test(arguments: Fault.AnswerPart.allCases)
    func `a lost connection is retried`(part: Fault.AnswerPart) async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.reset(after: part), on: .getPrompt, times: 2)
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("one".utf8))
        }
    }

    @Test func `a connection that is always lost is an error that says so`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.reset(after: .nothing))
            let error = await failure(fixture)
            #expect(error?.code == .connectionLost)
            #expect(error?.status == nil)
            #expect(error?.attempts == 4)
        }
    }

    @Test func `an answer that is always cut off is malformed`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.cutBody(after: 5))
            let error = await failure(fixture)
            #expect(error?.code == .malformed)
            #expect(error?.cause == "the answer was cut off")
            #expect(error?.attempts == 4)
        }
    }

    @Test func `an error reads as a sentence`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(503, body: Array(#"{"error":{"message":"over\nloaded"}}"#.utf8)))
            let error = await failure(fixture)
            let requestID = try #require(fixture.emulator.requests.entries.last?.requestID)
            let text = "getting @acme/support:v1 failed: 503 after 4 attempts: over loaded (request id \(requestID))"
            #expect(error?.description == text)
        }
    }

    // MARK: Rate limits

    @Test(arguments: [.seconds, .date] as [Emulator.Configuration.RetryAfterForm])
    func `after a 429 the client waits as long as Retry-After says`(
        form: Emulator.Configuration.RetryAfterForm
    ) async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.rateLimit(retryAfter: 25, form: form), on: .getPrompt, times: 1)
            _ = try await fixture.prompt()
            #expect(fixture.emulator.requests.total == 2)
            let slept = fixture.clock.sleeps.reduce(.zero, +)
            // A date is as far away as it is when it is read; without it the client would try again within a second.
            #expect((.seconds(5)...(.seconds(26))).contains(slept))
        }
    }

    @Test func `a Retry-After beyond the deadline fails at once`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.rateLimit(retryAfter: 60), on: .getPrompt, times: 1)
            let error = await failure(fixture)
            #expect(error?.code == .rateLimited)
            #expect(error?.status == 429)
            #expect(error?.attempts == 1)
            #expect(fixture.clock.sleeps == [])
        }
    }

    @Test func `until then other calls fail without being sent`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.rateLimit(retryAfter: 60), on: .getPrompt, times: 1)
            _ = await failure(fixture)
            let error = await failure(fixture)
            #expect(error?.code == .rateLimited)
            #expect(error?.wasHeldBack == true)
            #expect(error?.attempts == 0)
            #expect(fixture.emulator.requests.total == 1)
            fixture.clock.advance(by: .seconds(60))
            _ = try await fixture.prompt()
            #expect(fixture.emulator.requests.total == 2)
        }
    }

    @Test func `a spent budget is not overdrawn`() async throws {
        let limits = Emulator.Configuration.RateLimits(perMinute: 3, perHour: 1000)
        try await ClientFixture.with(emulator: .init { $0.rateLimits = limits }) { fixture in
            for _ in 0..<3 { _ = try await fixture.prompt() }
            #expect(fixture.client.statistics.budget.remaining == 0)
            #expect(fixture.client.statistics.budget.limit == 3)
            // The window's end may be near enough to be waited for; whatever happens, nothing is refused.
            _ = await failure(fixture)
            #expect(fixture.emulator.requests.entries.allSatisfy { $0.status == 200 })
        }
    }

    @Test func `a listing waits for the rate limit from its second page on`() async throws {
        try await ClientFixture.with(.many(250)) { fixture in
            let second = RequestMatcher { $0.target.contains("cursor=") }
            fixture.emulator.inject(.rateLimit(retryAfter: 60), on: second, times: 1)
            let listing = try await fixture.client.listPrompts()
            #expect(listing.prompts.count == 250)
            #expect(fixture.emulator.requests.total == 4)
        }
    }

    // MARK: The breaker

    @Test func `a refused connection opens the breaker, a probe closes it`() async throws {
        try await ClientFixture.with { fixture in
            await fixture.emulator.stop()
            let first = await failure(fixture)
            #expect(first?.code == .unreachable)
            #expect(first?.attempts == 1)
            #expect(first?.wasHeldBack == false)
            let second = await failure(fixture)
            #expect(second?.code == .unreachable)
            #expect(second?.attempts == 0)
            #expect(second?.wasHeldBack == true)
            #expect(fixture.client.statistics.requests.values.reduce(0, +) == 1)
            try await fixture.emulator.restart()
            #expect(await failure(fixture)?.wasHeldBack == true)
            fixture.clock.advance(by: .seconds(10))
            _ = try await fixture.prompt()
            #expect(fixture.client.statistics.breaker == .closed)
            _ = try await fixture.prompt()
        }
    }

    @Test func `three prompts that fail with 5xx open it, one that fails often does not`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(500), on: .getPrompt)
            for _ in 0..<10 { #expect(await failure(fixture)?.wasHeldBack == false) }
            for slug in ["b", "c"] { #expect(await failure(fixture, slug)?.wasHeldBack == false) }
            #expect(await failure(fixture, "d")?.wasHeldBack == true)
            #expect(fixture.emulator.requests.total == 12)
        }
    }

    @Test func `a probe is a single attempt`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(500), on: .getPrompt, times: 3)
            for slug in ["a", "b", "c"] { _ = await failure(fixture, slug) }
            fixture.emulator.inject(.status(503), on: .getPrompt)
            fixture.clock.advance(by: .seconds(10))
            #expect(await failure(fixture)?.attempts == 1)
            #expect(fixture.client.statistics.breaker == .open(.serverFault, remaining: .seconds(20)))
        }
    }

    // MARK: Time

    @Test(arguments: [Fault.hang, .noAnswer])
    func `no call takes longer than the deadline`(fault: Fault) async throws {
        try await ClientFixture.with(client: { $0.timeout = .milliseconds(200) }) { fixture in
            fixture.emulator.inject(fault, on: .getPrompt)
            let error = await failure(fixture)
            #expect(error?.code == .timeout)
            #expect(error?.attempts == 1)
        }
    }

    @Test func `a cancelled call ends at once`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.hang)
            let task = Task { await failure(fixture) }
            await fixture.emulator.requests.wait(for: 1)
            task.cancel()
            #expect(await task.value?.code == .cancelled)
        }
    }

    @Test func `a call that is cancelled before it begins is not sent`() async throws {
        try await ClientFixture.with { fixture in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure(fixture)
            }
            #expect(await task.value?.code == .cancelled)
            #expect(fixture.emulator.requests.total == 0)
        }
    }

    @Test func `shutting down ends calls that wait, and those that come later`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.hang)
            let task = Task { await failure(fixture) }
            await fixture.emulator.requests.wait(for: 1)
            fixture.client.shutdown()
            #expect(await task.value?.code == .cancelled)
            #expect(await failure(fixture)?.code == .cancelled)
        }
    }

    @Test func `hundreds of calls may wait for eighty that are under way`() async throws {
        try await ClientFixture.with(.many(300)) { fixture in
            fixture.emulator.inject(.hang)
            try await withThrowingTaskGroup { group in
                for index in 0..<300 { group.addTask { _ = try await fixture.prompt("acme", "p\(index)") } }
                await fixture.emulator.requests.wait(for: 80)
                #expect(fixture.emulator.requests.total == 80)
                fixture.emulator.clearFaults()
                try await group.waitForAll()
            }
            #expect(fixture.emulator.requests.total == 300)
        }
    }

    // MARK: What is counted

    @Test func `every request is counted by what came of it`() async throws {
        try await ClientFixture.with { fixture in
            fixture.emulator.inject(.status(503), on: .getPrompt, times: 2)
            _ = try await fixture.prompt()
            _ = try await fixture.client.listPrompts()
            #expect(await failure(fixture, "missing")?.code == .notFound)
            typealias Key = ClientStatistics.Key
            #expect(
                fixture.client.statistics.requests == [
                    Key(operation: .getPrompt, outcome: .status(503)): 2,
                    Key(operation: .getPrompt, outcome: .status(200)): 1,
                    Key(operation: .getPrompt, outcome: .status(404)): 1,
                    Key(operation: .listPrompts, outcome: .status(200)): 1,
                ]
            )
        }
    }

    @Test func `a version that is there and one that is not need one request each`() async throws {
        try await ClientFixture.with { fixture in
            _ = try await fixture.prompt()
            #expect(await failure(fixture, "missing")?.description.contains("@acme/missing:v1") == true)
            #expect(fixture.emulator.requests.entries.map(\.subject) == ["@acme/support:v1", "@acme/missing:v1"])
        }
    }
}
