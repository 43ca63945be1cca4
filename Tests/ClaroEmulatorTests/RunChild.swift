import ClaroEmulator

/// Runs `program` to its end on a thread of its own; what it writes, on stdout and stderr, is one text.
func runChild(
    _ program: String,
    _ arguments: [String],
    environment: [String] = []
) async throws -> (status: Int32, output: String) {
    try await onThread { try PipedProcess.run(program, arguments, environment: environment) }
}
