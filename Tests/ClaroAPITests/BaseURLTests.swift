import Testing

@testable import ClaroAPI

struct BaseURLTests {
    @Test(
        arguments: [
            ("https://api.baytos.ai", "https://api.baytos.ai", ""),
            ("https://bayt.example.com/claro/", "https://bayt.example.com", "/claro"),
            ("https://bayt.example.com//a//", "https://bayt.example.com", "//a"),
            ("HTTPS://API.Baytos.AI:8443/V1", "https://api.baytos.ai:8443", "/V1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("http://127.9.8.7", "http://127.9.8.7", ""),
            ("http://localhost/x/y", "http://localhost", "/x/y"),
            ("http://[::1]:80", "http://[::1]:80", ""),
        ]
    )
    func `a base URL keeps its path and loses slashes at its end`(text: String, origin: String, path: String) throws {
        let url = try BaseURL(text)
        #expect(url.origin == origin)
        #expect(url.path == path)
        #expect(url.description == origin + path)
    }

    @Test(
        arguments: [
            "http://api.baytos.ai", "http://127.0.0.1.example.com", "http://localhost.example.com", "http://10.0.0.1",
            "http://128.0.0.1", "http://127.1", "http://0.0.0.0", "http://127.0.0.256", "http://2130706433",
            "http://[::2]", "http://127.0.0.01", "http://127.0.0.08",
        ]
    )
    func `only this machine may be reached without TLS`(text: String) {
        #expect {
            try BaseURL(text)
        } throws: { error in
            if case .insecure? = error as? BaseURL.Problem { true } else { false }
        }
    }

    @Test(
        arguments: [
            "", "claro", "api.baytos.ai", "ftp://x", "https:/x", "https://", "https:///x", "https://a b",
            "https://é.com",
            "https://x:0", "https://x:65536", "https://x:٣", "https://x\\@127.0.0.1", "https://[::1", "https://x\n",
            "https://x/\u{0}", "https://x%2fy",
        ]
    )
    func `other texts are no URL`(text: String) {
        #expect(throws: BaseURL.Problem.notAURL) { try BaseURL(text) }
    }

    @Test func `a user name, a query and a fragment have no place in a base URL`() {
        #expect(throws: BaseURL.Problem.userInfo) { try BaseURL("https://user:pass@host") }
        #expect(throws: BaseURL.Problem.userInfo) { try BaseURL("http://127.0.0.1@evil.example") }
        #expect(throws: BaseURL.Problem.query) { try BaseURL("https://host?x") }
        #expect(throws: BaseURL.Problem.query) { try BaseURL("https://host/#x") }
    }

    @Test func `the default is the public service`() throws {
        #expect(try BaseURL("https://api.baytos.ai") == .claro)
    }
}
