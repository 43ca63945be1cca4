import ArgumentParser
import ClaroCommand

/// Which library to work on: the arguments that `mount.claro` takes for the same.
struct LibraryOptions: ParsableArguments {
    @Option(help: "The API's address, or claro for the default.") var source: String?
    @Option(
        name: .customShort("o"),
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "mount.claro's options, as credentials=FILE, cache=DIR, cafile=FILE, timeout=TIME, include=LIST.",
            valueName: "option,…"
        )
    )
    var optionLists: [String] = []

    func access() throws(MountFailure) -> LibraryAccess {
        try LibraryAccess(source: MountSource(source), options: MountOptions(parsing: optionLists))
    }
}
