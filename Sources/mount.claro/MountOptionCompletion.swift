import ClaroCommand

/// What a shell offers for the value of `-o`.
enum MountOptionCompletion {
    /// `list` with each option in place of what stands behind the last comma.
    static func lists(beginning list: String) -> [String] {
        let before = list[..<(list.lastIndex(of: ",").map(list.index(after:)) ?? list.startIndex)]
        return MountOption.allCases.map { "\(before)\($0.rawValue)\($0.placeholder == nil ? "" : "=")" }
    }
}
