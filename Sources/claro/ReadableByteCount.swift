/// A size for a person: three digits and a unit of powers of 1024.
struct ReadableByteCount: CustomStringConvertible {
    let description: String

    init(_ byteCount: Int64) {
        var tenths = byteCount * 10
        var units = ["K", "M", "G", "T"][...]
        var unit = ""
        while tenths >= 10_240, let next = units.popFirst() {
            tenths /= 1024
            unit = next
        }
        let hasFraction = !unit.isEmpty && tenths < 100 && tenths % 10 != 0
        description = "\(tenths / 10)\(hasFraction ? ".\(tenths % 10)" : "")\(unit)"
    }
}
