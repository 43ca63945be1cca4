import ClaroAPI
import Testing

@testable import ClaroFS

struct SharedFetchTests {
    private func failure(_ body: () async throws(WaitError) -> Int) async -> String {
        do throws(WaitError) {
            return "\(try await body())"
        } catch {
            return switch error {
            case .failed(let error): "failed \(error.code)"
            case .timedOut: "timed out"
            case .interrupted: "interrupted"
            }
        }
    }

    @Test func `all who wait get the one result`() async {
        let (gate, open) = AsyncStream<Int>.makeStream()
        let fetch = SharedFetch { () async throws(APIError) in await gate.first { _ in true } ?? 0 }
        let waiters = (0..<20).map { _ in
            Task { await failure { () async throws(WaitError) in try await fetch.value(within: .seconds(60)) } }
        }
        open.yield(42)
        for waiter in waiters { #expect(await waiter.value == "42") }
        #expect(await failure { () async throws(WaitError) in try await fetch.value(within: .zero) } == "42")
    }

    @Test func `who leaves does not stop the others`() async {
        let (gate, open) = AsyncStream<Int>.makeStream()
        let fetch = SharedFetch { () async throws(APIError) in await gate.first { _ in true } ?? 0 }
        let leaving = Task {
            await failure { () async throws(WaitError) in try await fetch.value(within: .seconds(60)) }
        }
        leaving.cancel()
        #expect(await leaving.value == "interrupted")
        #expect(
            await failure { () async throws(WaitError) in try await fetch.value(within: .milliseconds(1)) }
                == "timed out"
        )
        #expect(fetch.hasExceededDeadline)
        open.yield(7)
        #expect(await failure { () async throws(WaitError) in try await fetch.value(within: .seconds(60)) } == "7")
    }

    @Test func `an error is everybody's`() async {
        let fetch = SharedFetch { () async throws(APIError) -> Int in throw APIError(.serverFault, .getPrompt, "x") }
        #expect(
            await failure { () async throws(WaitError) in try await fetch.value(within: .seconds(60)) }
                == "failed serverFault"
        )
    }
}
