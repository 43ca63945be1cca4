import ClaroAPI
import Testing

@testable import ClaroCommand
@testable import mount_claro

struct MountSourceTests {
    @Test(arguments: [nil, "", "claro", "none"])
    func `the default is Claro's own address`(text: String?) throws {
        let source = try MountSource(text)
        #expect(source.baseURL.description == "https://api.baytos.ai")
        #expect(source.name == (text == "none" ? "none" : "claro"))
    }

    @Test(arguments: [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com:8443/claro/api//", "https://example.com:8443/claro/api"),
        ("HTTPS://Example.com/x", "https://example.com/x"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:1/p", "http://localhost:1/p"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ])
    func `an address keeps its path prefix, and the mount table shows it as given`(text: String, url: String) throws {
        let source = try MountSource(text)
        #expect(source.baseURL.description == url)
        #expect(source.name == text)
    }

    @Test(arguments: [
        "api.baytos.ai", "api.baytos.ai:443", "@acme", "/dev/sda", "ftp://example.com", "https://", "https:///x",
        "https://a b", "http://example.com", "http://127.0.0.1.example.com", "http://127.1", "http://localhost.example",
        "https://example.com?x=1", "https://example.com/#x", "https://me@example.com",
    ])
    func `anything else is refused with exit code 1`(text: String) throws {
        let failure = try #require(throws: MountFailure.self) { try MountSource(text) }
        #expect(failure.exitCode == .usage)
        #expect(!failure.description.contains("\n"))
    }

    @Test(arguments: ["https://me:hunter2@example.com", "me:hunter2@example.com", "sk_hunter2", "https://sk_hunter2@x"])
    func `a password or key in the address is never repeated`(text: String) throws {
        let failure = try #require(throws: MountFailure.self) { try MountSource(text) }
        #expect(!failure.description.contains("hunter2"))
    }
}
