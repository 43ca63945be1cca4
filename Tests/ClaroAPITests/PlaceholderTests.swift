import Testing

@testable import ClaroAPI

struct PlaceholderTests {
    @Test(
        arguments: [
            ("{{ a }}", "a", nil, nil), ("{{a:number // d}}", "a", "number", "d"),
            ("{{a:number//d}}", "a", "number", "d"),
            ("{{a // d}}", "a // d", nil, nil), ("{{a // d: e}}", "a // d", "e", nil), ("{{{a}}}", "{a", nil, nil),
            ("{{u:url // see https://x/y}}", "u", "url", "see https://x/y"), ("{{a.b}}", "a.b", nil, nil),
            ("{{#if x}}", "#if x", nil, nil), ("{{a\nb}}", "a\nb", nil, nil),
        ] as [(String, String, String?, String?)]
    )
    func `a placeholder is what the official SDK takes for one`(
        text: String,
        name: String,
        type: String?,
        description: String?
    ) {
        let found = Placeholder.all(in: [Array("before \(text) after".utf8)])
        #expect(found.map(\.name) == [name])
        #expect(found.first?.type == type)
        #expect(found.first?.description == description)
    }

    @Test(arguments: [
        "{{}}", "{{a:enum(x/y)}}", "{{a:string // has } brace}}", "{{a}", "{a}}", "{{", "{{ }}", "{{a:}}", "",
    ])
    func `anything else is text`(text: String) {
        #expect(Placeholder.all(in: [Array(text.utf8)]) == [])
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: ["{{", "{{a", "{{a:", "{{a:b/", "{{ ", "{{a:b//", "{", ":", "{{:", "{{a: /"]
    )
    func `what begins many placeholders and ends none is read in one go`(beginning: String) {
        let many = Array(String(repeating: beginning, count: 20_000).utf8)
        for ending in ["", "}", "}}"] {
            #expect(Placeholder.all(in: [many + Array(ending.utf8)]).count <= 1)
        }
    }

    @Test func `of one name the first holds, in the order of the texts`() {
        let found = Placeholder.all(in: [Array("{{b}}{{a:string}}".utf8), Array("{{a:number}}{{c}}".utf8)])
        #expect(found.map(\.name) == ["b", "a", "c"])
        #expect(found[1].type == "string")
    }
}
