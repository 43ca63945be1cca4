import Glibc

/// libFuzzer's main function (FuzzerInterface.h): runs the callback as its arguments say, and returns or exits.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ argumentCount: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// One input; libFuzzer takes the end of the process for a finding.
@_cdecl("LLVMFuzzerTestOneInput")
func readInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do {
        try target?.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}

let name = CommandLine.arguments.dropFirst().first ?? ""

if name == "list" {
    for target in FuzzTarget.all { print(target.name, target.sources.joined(separator: " ")) }
    exit(0)
}

let target = FuzzTarget.all.first { $0.name == name }
if target == nil {
    print("Usage: claro-fuzz list | claro-fuzz TARGET [libFuzzer's arguments]")
    exit(2)
}

// The target's name is not for libFuzzer, which finds itself by the first argument.
var arguments = CommandLine.unsafeArgv + 1
// For merging it starts itself again by what it is called, in a shell.
arguments[0] = strdup("\(CommandLine.arguments[0]) \(name)")
var argumentCount = CommandLine.argc - 1
exit(runFuzzer(&argumentCount, &arguments, readInput))
