import Testing

/// A program from Debian, in use on a mounted library: a row of the table in Tools.md.
struct Tool: Sendable, CustomTestStringConvertible {
    /// What it comes to on a mount.
    enum Result: Sendable {
        /// The same output, errors and exit status as on a plain copy; programs that are shown on a terminal may say in the
        /// last three lines what they think of files that cannot be written.
        case same
        /// This output, errors included, where that of a copy is another one.
        case prints(String, because: String)
    }

    let program: String
    /// What it does, for the table.
    let use: String
    /// Lines of bash, run in the library's directory; see `prelude`.
    let command: String
    let result: Result

    init(_ program: String, _ use: String, _ command: String, _ result: Result = .same) {
        self.program = program
        self.use = use
        self.command = command
        self.result = result
    }

    var testDescription: String { "\(program): \(use)" }

    static let hangingStatus: Int32 = 99

    /// Before each command. `$OTHER` is an empty directory outside of the library.
    ///
    /// - `await COMMAND…` repeats a command until it succeeds; one that hangs ends everything with `hangingStatus`.
    /// - `screen COMMAND TEXT KEY…` runs a command on a terminal until that shows the text, prints what is on it then,
    ///   presses the keys, and prints the exit status.
    static let prelude = #"""
        await() {
            local count
            for ((count = 0; count < 300; count++)); do
                "$@" && return
                sleep 0.1
            done
            exit \#(hangingStatus)
        }
        terminal() { HOME=$OTHER tmux -u -f /dev/null -S "$OTHER/terminal" "$@"; }
        shows() {
            local before=${shown:-}
            shown=$(terminal capture-pane -p) && [[ $shown == *"$1"* && $shown == "$before" ]]
        }
        screen() {
            local command=$1 text=$2 shown
            shift 2
            trap 'terminal kill-server 2> /dev/null || true' EXIT
            terminal new-session -d -x 140 -y 30 "$command; echo \$? > '$OTHER/status'"
            await shows "$text"
            head -n -3 <<< "$shown"
            terminal send-keys "$@"
            await test -s "$OTHER/status"
            cat "$OTHER/status"
        }
        export -f await terminal shows screen

        """#
}
