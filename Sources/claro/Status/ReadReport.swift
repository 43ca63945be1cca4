import ArgumentParser
import ClaroCommand
import Glibc
import SystemPackage

/// The child in which `MountProbe` touches a mount. Prints the errno, or 0 and the file behind it.
struct ReadReport: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "read-report", shouldDisplay: false)

    @Argument var path: String

    func run() throws {
        let answer: [UInt8]
        do throws(Errno) {
            answer = Array("0\n".utf8) + (try ProcFile.bytes(path))
        } catch {
            answer = Array("\(error.rawValue)\n".utf8)
        }
        try StandardOutput.write(answer)
    }
}
