import ClaroEmulator
import Testing

struct ReadTests {
    @Test func `a text is the API's text, byte for byte`() async throws {
        let library: Workspace = [
            "acme": [Workspace.Prompt("support", versions: [.init("one\n"), .init("two, no newline")])]
        ]
        try await MountFixture.with(library) { mount async throws in
            #expect(try await mount.text("@acme/support/v1/content.md") == "one\n")
            #expect(try await mount.text("@acme/support/latest/content.md") == "two, no newline")
            #expect(mount.emulator.requests.count(of: .getPrompt) == 2)
        }
    }
}
