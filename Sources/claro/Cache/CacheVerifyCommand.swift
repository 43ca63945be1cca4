import ArgumentParser
import ClaroAPI
import ClaroCommand
import ClaroFS

struct CacheVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every stored byte; removes what is damaged.",
        discussion: "What was removed is fetched again when it is wanted. Exit code 1: something was damaged."
    )

    @OptionGroup var options: CacheOptions

    func run() throws {
        var soundCount = 0
        var damaged: [String] = []
        for library in try options.open().libraries {
            let verification = library.verify()
            soundCount += verification.soundCount
            damaged += verification.damaged
        }
        if options.json.isWanted {
            try StandardOutput.write(
                .members(["sound": .count(soundCount), "damaged": .array(damaged.map(JSONValue.string))])
            )
        } else {
            for name in damaged { CommandFailure(.finding, "\(name) was damaged, and is removed").report() }
            try StandardOutput.write(line: "\(soundCount) sound, \(damaged.count) damaged")
        }
        if !damaged.isEmpty { throw Outcome.finding }
    }
}
