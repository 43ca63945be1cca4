import ClaroCommand

/// What the process returns. Thrown, it ends a subcommand that has said all there is to say.
enum Outcome: Int32, Error {
    case success = 0
    /// Something is not as it should be, or is not there.
    case finding = 1
    /// Wrong arguments, or no key that can be used.
    case usage = 2
    /// The API or the system failed.
    case failure = 3
}

/// Why a subcommand could not do what was asked: one line with the cause and what to do.
struct CommandFailure: Error {
    let outcome: Outcome
    /// Without the program's name, without a final newline.
    let text: String

    init(_ outcome: Outcome, _ text: String) {
        self.outcome = outcome
        self.text = MountFailure.withoutKeys(text)
    }

    func report() { StandardError.write("claro: \(text)\n") }
}
