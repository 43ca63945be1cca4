import Testing

@testable import ClaroEmulator

struct PackageReferenceTests {
    @Test func `a name without a version means the newest`() {
        #expect(PackageReference("@acme/support")?.version == .latest)
    }
}
