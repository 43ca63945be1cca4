import ClaroEmulator
import Foundation
import Testing

@testable import ClaroAPI

struct CredentialsTests {
    private static let key = "sk_live_0123456789"

    // MARK: Where the key comes from

    @Test func `the places are looked at in order`() throws {
        try withDirectory { directory in
            let file = try directory.write("option", "sk_option")
            try directory.write("credentials/claro-api-key", "sk_systemd")
            try directory.write("config/claro/credentials", "sk_config")
            try directory.write("home/.config/claro/credentials", "sk_home")
            var environment = [
                "CREDENTIALS_DIRECTORY": "\(directory.path)/credentials", "XDG_CONFIG_HOME": "\(directory.path)/config",
                "HOME": "\(directory.path)/home",
            ]
            func key(file: String? = nil, environmentKey: String? = nil) throws -> String {
                try Credentials(file: file, environment: environment, environmentKey: environmentKey).key.secret
            }
            #expect(try key(file: file, environmentKey: "sk_environment") == "sk_option")
            #expect(try key(environmentKey: "sk_environment") == "sk_environment")
            #expect(try key(environmentKey: "") == "sk_systemd")
            environment["CREDENTIALS_DIRECTORY"] = nil
            #expect(try key() == "sk_config")
            environment["XDG_CONFIG_HOME"] = nil
            #expect(try key() == "sk_home")
        }
    }

    @Test func `without a key the error names all places`() throws {
        try withDirectory { directory in
            let error = #expect(throws: CredentialsError.self) {
                try Credentials(file: nil, environment: ["HOME": directory.path], environmentKey: nil)
            }
            #expect(error?.problem == .notFound)
            #expect(
                error?.description
                    == "no API key found in $BAYT_API_KEY, \(directory.path)/.config/claro/credentials, /etc/claro/credentials"
            )
        }
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o644, 0o610, 0o601] as [mode_t])
    func `a file that others can reach is refused`(mode: mode_t) throws {
        try withDirectory { directory in
            let file = try directory.write("key", Self.key, mode: mode)
            let error = #expect(throws: CredentialsError.self) { try credentials(file) }
            #expect(error?.problem == .readableByOthers(mode: UInt32(mode)))
            #expect(error?.place == file)
        }
    }

    @Test func `systemd's credentials may show an ACL's mask in the group's bits`() throws {
        try withDirectory { directory in
            try directory.write("claro-api-key", Self.key, mode: 0o440)
            let environment = ["CREDENTIALS_DIRECTORY": directory.path]
            let credentials = try Credentials(file: nil, environment: environment, environmentKey: nil)
            #expect(credentials.key.secret == Self.key)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func `a file of another user is refused`() throws {
        try withDirectory { directory in
            let file = try directory.write("key", Self.key)
            try #require(chown(file, 12345, 12345) == 0)
            let error = #expect(throws: CredentialsError.self) { try credentials(file) }
            #expect(error?.problem == .ownedByAnother(uid: 12345))
        }
    }

    @Test func `what is no readable file is refused`() throws {
        try withDirectory { directory in
            #expect(#expect(throws: CredentialsError.self) { try credentials(directory.path) }?.problem == .notAFile)
            let missing = #expect(throws: CredentialsError.self) { try credentials("\(directory.path)/missing") }
            #expect(missing?.problem == .unreadable(errno: ENOENT))
            try #require(mkfifo("\(directory.path)/fifo", 0o600) == 0)
            let fifo = #expect(throws: CredentialsError.self) { try credentials("\(directory.path)/fifo") }
            #expect(fifo?.problem == .notAFile)
        }
    }

    // MARK: What a key may be

    @Test(arguments: ["sk_x", " sk_x ", "sk_x\n", "\r\n\tsk_x\r\n"])
    func `white space around a key is trimmed`(text: String) throws {
        try withDirectory { directory in
            let file = try directory.write("key", text)
            #expect(try credentials(file).key.secret == "sk_x")
        }
    }

    @Test(
        arguments: [
            ("", .empty), (" \n", .empty), ("sk_a b", .badCharacter), ("sk_a\nb", .badCharacter),
            ("sk_\u{0}", .badCharacter), ("sk_\u{1b}", .badCharacter), ("sk_é", .badCharacter),
            (String(repeating: "x", count: 5000), .tooLong),
        ] as [(String, CredentialsError.Problem)]
    )
    func `what cannot be a key is refused`(text: String, problem: CredentialsError.Problem) throws {
        try withDirectory { directory in
            let file = try directory.write("key", text)
            #expect(#expect(throws: CredentialsError.self) { try credentials(file) }?.problem == problem)
        }
    }

    @Test func `a key of another form is only warned about`() async throws {
        try await ClientFixture.with(credentials: Credentials(key: "b_prod_x")) { fixture in
            _ = try await fixture.prompt()
            #expect(fixture.log.lines == ["the API key from $BAYT_API_KEY does not begin with sk_ as Claro's keys do"])
        }
    }

    // MARK: Reading it again

    @Test func `after a 401 a changed key is tried once`() async throws {
        try await withDirectory { directory in
            let file = try directory.write("key", "sk_old")
            try await ClientFixture.with(
                emulator: .init { $0.keys = .only(["sk_new"]) },
                credentials: credentials(file)
            ) { fixture in
                let error = await #expect(throws: APIError.self) { _ = try await fixture.prompt() }
                #expect(error?.code == .unauthorized)
                #expect(fixture.emulator.requests.total == 1)
                try directory.write("key", "sk_new")
                _ = try await fixture.prompt()
                #expect(fixture.emulator.requests.entries.map(\.status) == [401, 401, 200])
            }
        }
    }

    @Test func `a key is read again when asked for, and kept while its file is unusable`() async throws {
        try await withDirectory { directory in
            let file = try directory.write("key", "sk_old")
            try await ClientFixture.with(
                emulator: .init { $0.keys = .only(["sk_new"]) },
                credentials: credentials(file)
            ) { fixture in
                try directory.write("key", "sk_new")
                fixture.client.reloadCredentials()
                _ = try await fixture.prompt()
                try directory.write("key", "")
                fixture.client.reloadCredentials()
                _ = try await fixture.prompt()
                #expect(fixture.emulator.requests.entries.map(\.status) == [200, 200])
                #expect(fixture.log.lines == ["the API key in \(file) is empty"])
            }
        }
    }

    // MARK: The environment

    @Test func `the bytes of a taken variable are overwritten in the process's environment block`() async {
        await #expect(processExitsWith: .success) {
            let home = try #require(ProcessInfo.processInfo.environment["PATH"])
            let before = try Data(contentsOf: URL(fileURLWithPath: "/proc/self/environ"))
            try #require(before.range(of: Data("PATH=\(home)".utf8)) != nil)
            #expect(Credentials.takeFromEnvironment("PATH") == home)
            let after = try Data(contentsOf: URL(fileURLWithPath: "/proc/self/environ"))
            #expect(after.range(of: Data("PATH=\(home)".utf8)) == nil)
            #expect(after.count == before.count)
            #expect(getenv("PATH") == nil)
            #expect(Credentials.takeFromEnvironment("PATH") == nil)
        }
    }

    private func credentials(_ file: String) throws -> Credentials {
        try Credentials(file: file, environment: [:], environmentKey: nil)
    }
}

struct TestDirectory {
    let path: String

    /// Makes the directories above the file, too; returns its path.
    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        try #require(chmod(url.path, mode) == 0)
        return url.path
    }
}

/// Runs `body` with a directory that is removed afterwards.
func withDirectory<Result>(_ body: (TestDirectory) async throws -> Result) async throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(TestDirectory(path: url.path))
}

func withDirectory<Result>(_ body: (TestDirectory) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(TestDirectory(path: url.path))
}
