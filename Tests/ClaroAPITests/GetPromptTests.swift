import ClaroEmulator
import Testing

@testable import ClaroAPI

struct GetPromptTests {
    @Test func `one request brings all texts of a version`() async throws {
        try await ClientFixture.with { fixture in
            let prompt = try await fixture.prompt()
            #expect(prompt.content == Array("one".utf8))
            #expect(prompt.systemPrompt == Array("be kind".utf8))
            #expect(prompt.critiquePrompt == nil)
            #expect(prompt.version == .published(1))
            #expect(!prompt.isDraft)
            #expect(prompt.context.count == 1)
            #expect(fixture.emulator.requests.count(of: .getPrompt) == 1)
            #expect(fixture.emulator.requests.total == 1)
        }
    }
}
