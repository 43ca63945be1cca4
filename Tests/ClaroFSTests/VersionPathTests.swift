import ClaroAPI
import Testing

@testable import ClaroFS

struct VersionPathTests {
    @Test func `a version, the draft and latest are names`() throws {
        #expect(try #require(VersionPath("v12")).selector == .version(.published(12)))
        #expect(try #require(VersionPath("v0")).selector == .version(.draft))
        #expect(try #require(VersionPath("latest")).selector == .latest)
    }

    @Test func `variables are percent-decoded`() throws {
        let path = try #require(VersionPath("v2,company=Acme%2C Inc%2f,a%3Db=,rate=3%25"))
        #expect(path.variables.map(\.name) == ["company", "a=b", "rate"])
        #expect(path.variables.map(\.value) == ["Acme, Inc/", "", "3%"])
    }

    @Test(arguments: [
        "", "v", "v01", "V1", "latest2", ".git", "v1,", "v1,a", "v1,=x", "v1,a=1,a=2", "v1,a=%", "v1,a=%2", "v1,a=%zz",
        "v1,a=%ff", "v1.swp", ",a=1", "v1 ,a=1",
    ])
    func `what breaks the grammar is no name`(text: String) {
        #expect(VersionPath(text) == nil)
    }

    @Test func `names of variables are compared by bytes`() throws {
        #expect(try #require(VersionPath("v1,\u{E9}=1,e\u{301}=2")).variables.count == 2)
    }
}
