import ArgumentParser
import ClaroAPI
import ClaroCommand
import Glibc
import Logging

struct LoginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Asks for the API key, checks it, and stores it where mounts find it.",
        discussion: """
            On a terminal the key is not shown; else it is the first line of standard input. Nothing is stored that the \
            API does not take. Exit code 1: it did not.
            """
    )

    @Option(help: "Where to store it; ~/.config/claro/credentials if left out.") var file: String?
    @OptionGroup var library: LibraryOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        let access = try library.access()
        let isOverruled = file == nil && Credentials.takeKeyFromEnvironment() != nil
        guard let path = file ?? KeyFile.standardPath else {
            throw CommandFailure(.usage, "there is no place for the key: set HOME, or give --file FILE")
        }
        guard let text = KeyFile.askForKey() else { throw CommandFailure(.usage, "no key was given") }
        let credentials: Credentials
        do throws(CredentialsError) {
            credentials = try Credentials(key: text)
        } catch {
            throw CommandFailure(
                .usage,
                "what was given is no API key: \(error.problem == .tooLong ? "it is too long" : "it is empty, or has white space or control characters")"
            )
        }
        try check(credentials, access)
        try KeyFile.write(text, to: path)
        if isOverruled {
            CommandFailure(.success, "$BAYT_API_KEY is set, and goes before the key in \(path)").report()
        }
        if json.isWanted { return try StandardOutput.write(.members(["file": .string(path)])) }
        try StandardOutput.write(line: "the key is in \(path), readable by you alone")
    }

    private func check(_ credentials: Credentials, _ access: LibraryAccess) throws(CommandFailure) {
        let client = ClaroClient(
            configuration: access.clientConfiguration(of: "claro"),
            credentials: credentials,
            logger: Logger(label: "claro") { _ in SwiftLogNoOpLogHandler() }
        )
        defer { client.shutdown() }
        let failure = waitForTask { () async -> APIError? in
            do throws(APIError) {
                _ = try await client.checkAccess()
                return nil
            } catch {
                return error
            }
        }
        guard let failure else { return }
        let address = access.source.baseURL
        switch failure.code {
        case .unauthorized:
            throw CommandFailure(
                .finding,
                "\(address) does not take this key, and it is not stored: make one in Claro under API Keys"
            )
        case .forbidden:
            throw CommandFailure(
                .finding,
                "this key may not list prompts, and is not stored: give it the permission prompts:list"
            )
        default:
            throw CommandFailure(.failure, "\(access.explain(failure, credentials)): the key is not stored")
        }
    }
}
