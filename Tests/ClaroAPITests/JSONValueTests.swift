import Foundation
import Testing

@testable import ClaroAPI

struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue.parse(Array(text.utf8))
    }

    // MARK: Reading

    @Test(arguments: ["1.0", "1.10", "1e3", "1E+3", "-0", "0.1e-7", "123456789012345678901234567890"])
    func `a number's text is kept`(text: String) throws {
        #expect(try parse(text) == .number(text))
        #expect(try parse(text).serialized(.compact) == Array(text.utf8))
    }

    @Test(
        arguments: [
            "", " ", "nul", "nulll", "true false", "01", "1.", ".5", "-", "1e", "+1", "0x1", "NaN", "Infinity", "'a'",
            "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\u{1}\"", "\"a\nb\"", "[", "[1", "[1,]",
            "[,1]", "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "]", "[1]]", "{\"a\":1}}",
            "\"\\ud800\\u12\"", "\"\\",
        ]
    )
    func `what breaks the grammar is refused`(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func `an error names the byte where reading stopped`() {
        #expect(throws: JSONError.syntax(offset: 6)) { try parse("{\"a\": x}") }
    }

    @Test(
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (#""\u0041\u00e9\u20AC\ud83d\ude00""#, "Aé€😀"),
            (#""é€😀""#, "é€😀"),
            (#""\u0000""#, "\0"),
            (#""\uffff\ufffe""#, "\u{FFFF}\u{FFFE}"),
        ]
    )
    func `escapes stand for their characters`(json: String, text: String) throws {
        #expect(try parse(json) == .string(text))
    }

    @Test(
        arguments: [
            (#"\ud800"#, "\u{FFFD}"),
            (#"a\ud800b"#, "a\u{FFFD}b"),
            (#"\udc00\ud83d\ude00"#, "\u{FFFD}😀"),
            (#"\ud800\ud83d\ude00"#, "\u{FFFD}😀"),
            (#"\ud83d\n"#, "\u{FFFD}\n"),
            (#"\ud83d\\u"#, "\u{FFFD}\\u"),
        ]
    )
    func `a lone surrogate spoils one string and nothing else`(escaped: String, repaired: String) throws {
        let value = try parse(#"{"bad":"\#(escaped)","good":1}"#)
        #expect(value["bad"] == .invalidString(escaped: escaped))
        #expect(value["bad"]?.text == repaired)
        #expect(value["good"] == .number("1"))
        #expect(value.serialized(.compact) == Array(#"{"bad":"\#(escaped)","good":1}"#.utf8))
    }

    @Test(arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] as [[UInt8]])
    func `bytes that are not UTF-8 spoil one string and nothing else`(bytes: [UInt8]) throws {
        let value = try JSONValue.parse(Array(#"{"bad":"a"#.utf8) + bytes + Array(#"","good":1}"#.utf8))
        guard case .invalidString? = value["bad"] else {
            Issue.record("\(value)")
            return
        }
        #expect(value["bad"]?.text?.hasPrefix("a\u{FFFD}") == true)
        #expect(value["good"] == .number("1"))
    }

    @Test(arguments: [#"\u0061"#, #"\/"#, #"\u00e9"#, #"\u001F"#])
    func `what was not UTF-8 is written alike whenever it is read`(escaped: String) throws {
        let written = try JSONValue.parse(Array("\"".utf8) + [0xFF] + Array("\(escaped)\"".utf8)).serialized()
        #expect(try JSONValue.parse(written).serialized() == written)
    }

    @Test func `a byte order mark and white space around a document are ignored`() throws {
        #expect(try parse("\u{FEFF} \r\n\t[ ] \n") == .array([]))
    }

    @Test func `of two members with one key the last holds`() throws {
        #expect(try parse(#"{"a":1,"b":2,"a":3}"#)["a"] == .number("3"))
    }

    @Test func `keys that only look the same are different`() throws {
        let value = try parse(#"{"\u00e9":1,"e\u0301":2}"#)
        #expect(value["\u{E9}"] == .number("1"))
        #expect(value["e\u{301}"] == .number("2"))
    }

    @Test func `arrays a level too deep are refused`() throws {
        let depth = JSONLimits().depth
        let deepest = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(try parse(deepest).elements?.count == 1)
        #expect(throws: JSONError.tooDeep) { try parse("[\(deepest)]") }
        #expect(throws: JSONError.tooDeep) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.tooDeep) { try parse(String(repeating: #"{"a":"#, count: 1_000_000)) }
    }

    @Test func `more values than a document can need are refused`() {
        #expect(throws: JSONError.tooManyValues) {
            try parse("[" + String(repeating: "0,", count: JSONLimits().valueCount) + "0]")
        }
    }

    @Test(
        arguments: [("5", 5), ("5.0", 5), ("5e2", 500), ("-7", -7), ("9223372036854775807", .max)] as [(String, Int64)]
    )
    func `a whole number is one however it is spelled`(text: String, integer: Int64) throws {
        #expect(try parse(text).integer == integer)
    }

    @Test(arguments: ["5.5", "9223372036854775808", "1e400", "1e-9223372036854775808", "\"5\"", "null"])
    func `other values are no whole number`(text: String) throws {
        #expect(try parse(text).integer == nil)
    }

    // MARK: Writing

    static let documents = [
        "null", "true", "\"\"", "[]", "{}", "[[]]", "[{}]", #"{"a":{}}"#, "[1,[2,[3,[]]]]",
        #"{"b":1,"a":{"d":[1,2,{"z":null,"y":false}],"c":"x"}}"#,
        #"{"":0,"a\u0000":1,"a":2,"a\"":3,"A":4,"aa":5,"_":6}"#,
        #"{"\u00e9":1,"e\u0301":2,"z":3,"\ud83d\ude00":4,"\uffee":5,"\u20ac":6}"#,
        #"{"a":1,"b":2,"a":{"x":1},"b":[]}"#,
        #""\u0000\u0001\b\t\n\u000b\f\r\u001f \" \\ / \u007f\u0080\u009f\u00a0\u2028\u2029\ufeff\ufffd\uffff""#,
        #""</script>&'é😀""#, "[-1,0,42,1000000]", #"{"a":[{"b":[{"c":[]}]}]}"#,
    ]

    @Test(arguments: documents)
    func `documents are laid out byte for byte as jq does`(document: String) throws {
        #expect(try parse(document).serialized() == jq(document))
    }

    @Test func `numbers and lone surrogates are written as they were sent`() throws {
        let text = #"{"a":1.10,"b":1e3,"c":"\ud800"}"#
        let expected = """
            {
              "a": 1.10,
              "b": 1e3,
              "c": "\\ud800"
            }

            """
        #expect(try parse(text).serialized() == Array(expected.utf8))
    }

    /// What `jq -S .` prints.
    private func jq(_ document: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["jq", "-S", "."]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(document.utf8))
        try input.fileHandleForWriting.close()
        let result = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return Array(result)
    }
}
