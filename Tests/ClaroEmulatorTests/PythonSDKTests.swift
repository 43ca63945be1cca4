import ClaroEmulator
import Foundation
import Testing

/// The official Python SDK, as PyPI has it, against the emulator.
struct PythonSDKTests {
    @Test func `it gets a prompt`() async throws {
        try await withSDK(
            """
            p = client.get_prompt("@acme/customer-support:v2")
            print(p.title, p.namespace, p.slug, p.version, p.is_draft, sep="|")
            print(p.package_name, p.category, len(p.context), p.has_system_prompt(), p.has_critique_prompt(), sep="|")
            print([v["name"] for v in p.extract_variables()])
            print(p.generator == p.content, p.content.splitlines()[-1])
            print(client.get_prompt("@acme/customer-support:v0").is_draft)
            """
        ) { emulator, output in
            #expect(
                output == """
                    Customer Support Assistant|acme|customer-support|v2|False
                    @acme/customer-support:v2|support|2|True|True
                    ['company', 'days', 'message']
                    True {{message:string // what the customer wrote}}
                    True

                    """
            )
            #expect(emulator.requests.entries.map(\.operation) == [.getPrompt, .getPrompt])
        }
    }

    @Test func `it lists all pages`() async throws {
        try await withSDK(
            """
            names, cursor, pages = [], None, 0
            while True:
                page = client.list_prompts(limit=5, cursor=cursor)
                names += [p.package_name for p in page["prompts"]]
                pages += 1
                cursor = page["cursor"]
                if not page["hasMore"]:
                    break
            print(pages, len(names), len(set(names)), names[0], names[8])
            """
        ) { emulator, output in
            #expect(output == "3 12 12 @acme/customer-support:v2 @alice/sql-explainer:v0\n")
            #expect(emulator.requests.count(of: .listPrompts) == 3)
        }
    }

    @Test func `it downloads a context file`() async throws {
        try await withSDK(
            """
            import hashlib
            p = client.get_prompt("@acme/call-summary:v1")
            for item in p.get_file_contexts():
                data = client.download_context_file(item.id)
                print(item.file_name, item.mime_type, len(data) == item.file_size, list(data[:8]), list(data[-4:]))
            """
        ) { emulator, output in
            #expect(
                output == """
                    hold-music.wav audio/wav True [82, 73, 70, 70, 36, 242, 43, 0] [0, 228, 0, 226]
                    abbreviations.csv text/csv True [115, 104, 111, 114, 116, 44, 108, 111] [118, 97, 108, 10]

                    """
            )
            let downloads = emulator.requests.entries.filter { $0.operation == .storage }
            #expect(downloads.map(\.hasAuthorization) == [false, false])
        }
    }

    @Test func `its bytes are the attachment's`() async throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let item = Workspace.ContextItem.file("data.bin", .bytes(bytes), id: "ctx_data")
        let workspace: Workspace = ["a": [.init("b", versions: [.init("c", context: [item])])]]
        try await withTemporaryDirectory { directory in
            let path = directory.appending(path: "copy").path
            try await withSDK(
                "open('\(path)', 'wb').write(client.download_context_file('ctx_data'))",
                workspace: workspace
            ) { _, output in
                #expect(output.isEmpty)
                #expect(FileManager.default.contents(atPath: path).map { Array($0) } == bytes)
            }
        }
    }

    @Test(arguments: [
        ("client.get_prompt('@acme/nothing:v1')", "BaytNotFoundError"),
        ("client.get_prompt('@acme/customer-support:v99')", "BaytNotFoundError"),
        ("client.download_context_file('ctx_none')", "BaytNotFoundError"),
        (
            "client.download_context_file(client.get_prompt('@acme/customer-support:v2').context[1].id)",
            "BaytValidationError"
        ),
    ])
    func `what is not there is its not-found error`(call: String, error: String) async throws {
        try await withSDK(outcome(of: call)) { _, output in
            #expect(output.hasPrefix(error + " "))
        }
    }

    @Test func `a bad key is its authentication error`() async throws {
        try await withSDK(
            outcome(of: "client.get_prompt('@acme/customer-support:v2')")
                + outcome(of: "client.list_prompts()") + outcome(of: "client.download_context_file('x')"),
            { $0.keys = .only(["sk_another"]) }
        ) { _, output in
            #expect(
                output.split(separator: "\n").map { $0.prefix(14) } == [
                    "BaytAuthError ", "BaytAuthError ", "BaytAuthError ",
                ]
            )
        }
    }

    @Test func `a spent limit is its rate limit error, after its own retries`() async throws {
        try await withSDK(
            outcome(of: "client.list_prompts()") + outcome(of: "client.list_prompts()"),
            { $0.rateLimits = .init(perMinute: 1, perHour: 10) }
        ) { emulator, output in
            #expect(output == "ok\nBaytRateLimitError API rate limit exceeded. Max retries (1) exhausted.\n")
            #expect(emulator.requests.entries.map(\.status) == [200, 429, 429])
        }
    }

    /// Python that prints `ok`, or the name and the text of the error that `call` raises.
    private func outcome(of call: String) -> String {
        """
        try:
            \(call)
            print("ok")
        except Exception as error:
            print(type(error).__name__, error)

        """
    }

    /// Runs `script` with a `client` for an emulator; `check` gets all that it printed.
    private func withSDK(
        _ script: String,
        workspace: Workspace = .sample,
        _ change: (inout Emulator.Configuration) -> Void = { _ in },
        check: (Emulator, String) throws -> Void
    ) async throws {
        let python = try await PythonEnvironment.shared.value
        try await withEmulator(workspace, change) { emulator, _ in
            let preamble = """
                from baytos.claro import BaytClient
                client = BaytClient("sk_" + "a" * 46, base_url="\(emulator.url)", max_retries=1)

                """
            let result = try await runChild(python, ["-c", preamble + script], environment: ["NO_PROXY=*"])
            #expect(result.status == 0, "\(result.output)")
            try check(emulator, result.output)
        }
    }
}

/// A virtual environment with the SDK in it: made once for all tests, removed when the process ends.
private enum PythonEnvironment {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let directory = FileManager.default.temporaryDirectory
        .appending(path: "claro-sdk-\(ProcessInfo.processInfo.processIdentifier)")

    /// The path of its interpreter.
    static let shared = Task<String, any Error> {
        atexit { try? FileManager.default.removeItem(at: PythonEnvironment.directory) }
        let made = try await runChild("python3", ["-m", "venv", directory.path])
        guard made.status == 0 else { throw Failure(description: "python3 -m venv failed: \(made.output)") }
        let python = directory.appending(path: "bin/python").path
        let arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "baytos-claro==0.0.1"]
        let installed = try await runChild(python, arguments)
        guard installed.status == 0 else {
            throw Failure(description: "pip could not install baytos-claro 0.0.1: \(installed.output)")
        }
        return python
    }
}
