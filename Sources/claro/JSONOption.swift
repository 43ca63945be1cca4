import ArgumentParser
import ClaroAPI

/// `--json`, which every subcommand has.
struct JSONOption: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON.") var isWanted = false
}

extension JSONValue {
    static func count(_ value: some BinaryInteger) -> JSONValue { .number("\(value)") }

    static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    static func members(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { Member(key: $0.key, value: $0.value) })
    }
}
