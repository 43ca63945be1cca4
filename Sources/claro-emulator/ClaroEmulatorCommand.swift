import ArgumentParser
import ClaroEmulator

@main
struct ClaroEmulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "claro-emulator")
    @Option var port: UInt16 = 0
    func run() async throws {
        let emulator = try await Emulator.start(port: port)
        print(emulator.url)
        while true { try await Task.sleep(for: .seconds(1000)) }
    }
}
