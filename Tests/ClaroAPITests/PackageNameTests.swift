import Testing

@testable import ClaroAPI

struct PackageNameTests {
    @Test(arguments: ["acme", "A", "0", "-", "_", "a-b_C9"])
    func `letters, digits, hyphen and underscore make a name`(text: String) throws {
        let name = try #require(PromptName(namespace: text, slug: text))
        #expect(name.description == "@\(text)/\(text)")
    }

    @Test(arguments: ["", ".", "..", "a.b", "a/b", "a b", "é", "a\n", "a\0", "@a", "a:v1"])
    func `anything else does not`(text: String) {
        #expect(PromptName(namespace: text, slug: "x") == nil)
        #expect(PromptName(namespace: "x", slug: text) == nil)
    }

    @Test func `a name fits a path, with its @`() {
        let longest = String(repeating: "a", count: 254)
        #expect(PromptName(namespace: longest, slug: longest) != nil)
        #expect(PromptName(namespace: longest + "a", slug: "x") == nil)
        #expect(PromptName(namespace: "x", slug: longest + "a") == nil)
    }

    @Test(arguments: [("v0", 0), ("v1", 1), ("v10", 10), ("v999999999", 999_999_999)] as [(String, UInt32)])
    func `a version is v and a number`(text: String, number: UInt32) throws {
        let version = try #require(Version(text))
        #expect(version.number == number)
        #expect(version.description == text)
    }

    @Test(arguments: ["", "v", "1", "V1", "v01", "v00", "v1000000000", "v-1", "v1.0", "v1 ", "latest", "v１"])
    func `other texts are no version`(text: String) {
        #expect(Version(text) == nil)
    }

    @Test func `the draft comes before every published version`() {
        #expect([.published(2), .draft, .published(1)].sorted() == [.draft, .published(1), Version.published(2)])
    }

    @Test func `a package name is written as Claro writes it`() throws {
        let prompt = try #require(PromptName(namespace: "acme", slug: "support"))
        #expect(PackageName(prompt, .latest).description == "@acme/support:latest")
        #expect(PackageName(prompt, .version(.published(2))).description == "@acme/support:v2")
    }

    @Test(arguments: ["@acme/support:latest", "@acme/support:v2", "@a/b:v0"])
    func `a package name is read as it is written`(text: String) {
        #expect(PackageName(text)?.description == text)
    }

    @Test(arguments: ["", "@acme/support", "acme/support:v1", "@acme:support:v1", "@acme//support:v1", "@a/b:v01"])
    func `other texts are no package name`(text: String) {
        #expect(PackageName(text) == nil)
    }
}
