import ClaroEmulator
import Foundation

/// One of the matrix's questions: what a system call comes to for a thing that was fetched before, or was not.
struct MatrixCell: Hashable, Sendable {
    let operation: MatrixOperation
    let isCached: Bool

    init(_ operation: MatrixOperation, isCached: Bool) {
        self.operation = operation
        self.isCached = isCached
    }
}

/// A system call on a mounted library, or two that belong together: a column of the fault matrix.
enum MatrixOperation: String, CaseIterable, Sendable {
    case lookup, getattr, readdir, listing, open, read, readlink, getxattr

    /// Two prompts for each operation, so that none finds what another has fetched.
    func slug(isCached: Bool) -> String { "\(isCached ? "known" : "new")-\(rawValue)" }

    /// What `status.json` calls the thing that is served stale; nil where nothing is asked again.
    var staleSubject: String? {
        switch self {
        case .listing: "the listing"
        case .read: nil
        case .readlink: "@acme/\(slug(isCached: true)):latest"
        default: "@acme/\(slug(isCached: true)):v0"
        }
    }

    static let attachment = Workspace.Attachment.synthetic(seed: 7, byteCount: 100_000)

    /// The namespace `acme`, before it changes: what the operations look at, and a prompt that is never touched.
    static var library: Workspace {
        ["acme": allCases.flatMap { [$0.prompt(isCached: true), $0.prompt(isCached: false)] }]
    }

    private func prompt(isCached: Bool) -> Workspace.Prompt {
        .init(
            slug(isCached: isCached),
            versions: [.init("published", context: [.file("data.bin", Self.attachment)])],
            draft: .init("first draft"),
            // Without a number in the listing `latest` is asked for by itself.
            listingOverrides: self == .readlink ? ["version": nil] : [:]
        )
    }

    /// Changes everything that can change.
    static func change(_ library: inout Workspace) {
        for slug in allCases.map({ $0.slug(isCached: true) }) {
            library["acme", slug]?.draft = .init("second draft", system: "Be kind.")
            library["acme", slug]?.title = "renamed"
            library["acme", slug]?.publish(.init("published later"))
        }
        library["acme", "unheard"] = .init("unheard", versions: [.init("one")])
    }

    /// Where an operation works.
    struct Place: Sendable {
        /// The mount.
        let root: String
        /// Of what was fetched before: drafts, `latest`, the listing. Else what is published.
        let isCached: Bool
        /// The draft's directory, opened before; nil: none.
        var directory: Int32?

        func path(_ operation: MatrixOperation) -> String {
            "\(root)/@acme/\(operation.slug(isCached: isCached))"
        }
    }

    /// Does it, on the calling thread, and tells what a program gets of it.
    ///
    /// - Throws: `POSIXError` with the errno of the call that failed.
    func call(_ place: Place) throws -> String {
        let prompt = place.path(self)
        let version = "\(prompt)/\(place.isCached ? "v0" : "v1")"
        switch self {
        case .lookup:
            return try Self.describe { lstat("\(version)/content.md", &$0) }
        case .getattr:
            guard let directory = place.directory else { return try Self.describe { lstat("\(prompt)/v0", &$0) } }
            return try Self.describe { fstat(directory, &$0) }
        case .readdir:
            return try Self.names("\(version)/")
        case .listing:
            return try Self.names(place.isCached ? "\(place.root)/@acme" : place.root)
        case .open:
            let descriptor = try check(Glibc.open("\(version)/content.md", O_RDONLY))
            defer { close(descriptor) }
            return try Self.describe { fstat(descriptor, &$0) }
        case .read:
            return try Self.contents("\(prompt)/v1/context/data.bin")
        case .readlink:
            var characters = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = try check(Glibc.readlink("\(prompt)/latest", &characters, characters.count))
            return String(decoding: characters[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        case .getxattr:
            return try Self.extendedAttribute("user.claro.title", of: version)
        }
    }

    private static func describe(_ call: (inout stat) -> Int32) throws -> String {
        var status = stat()
        try check(call(&status))
        return "inode \(status.st_ino), \(status.st_size) bytes, of \(status.st_mtim.tv_sec)"
    }

    /// The names in a directory as the kernel gets them from the daemon now, not as it kept them. By getdents64(2): C's
    /// own readdir takes ENOENT for the end.
    private static func names(_ directory: String) throws -> String {
        let descriptor = try check(Glibc.open(directory, O_RDONLY | O_DIRECTORY))
        defer { close(descriptor) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        var names: [String] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while case let count = try check(getDirectoryEntries?(descriptor, &buffer, buffer.count) ?? -1), count > 0 {
            var rest = buffer[..<count]
            while rest.count > entryNameOffset {
                let length = Int(rest[rest.startIndex + entryLengthOffset])
                let name = rest.prefix(length).dropFirst(entryNameOffset).prefix { $0 != 0 }
                names.append(String(decoding: name, as: UTF8.self))
                rest = rest.dropFirst(length)
            }
        }
        return names.sorted().joined(separator: " ")
    }

    /// A file's bytes as the kernel gets them from the daemon now, not as it kept them.
    private static func contents(_ file: String) throws -> String {
        let descriptor = try check(Glibc.open(file, O_RDONLY))
        defer { close(descriptor) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        var bytes = [UInt8](repeating: 0, count: Int(attachment.byteCount) + 1)
        var count = 0
        while true {
            let part = try bytes.withUnsafeMutableBytes { buffer in
                try check(Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count))
            }
            guard part > 0 else { break }
            count += part
        }
        let isWhole = try Array(bytes[..<count]) == attachment.read(0..<attachment.byteCount)
        return isWhole ? "the whole attachment" : "\(count) bytes of something"
    }

    private static func extendedAttribute(_ name: String, of file: String) throws -> String {
        var value = [UInt8](repeating: 0, count: 256)
        let count = try value.withUnsafeMutableBytes { buffer in
            try check(getExtendedAttribute?(file, name, buffer.baseAddress, buffer.count) ?? -1)
        }
        return String(decoding: value[..<count], as: UTF8.self)
    }

    // Two calls that Glibc's module does not show Swift are found by their names.

    private static let getExtendedAttribute = dlsym(nil, "getxattr").map {
        unsafeBitCast($0, to: GetExtendedAttribute.self)
    }

    private typealias GetExtendedAttribute =
        @convention(c) (
            UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int
        ) -> Int

    private static let getDirectoryEntries = dlsym(nil, "getdents64").map {
        unsafeBitCast($0, to: GetDirectoryEntries.self)
    }

    private typealias GetDirectoryEntries = @convention(c) (Int32, UnsafeMutableRawPointer, Int) -> Int

    /// Of `d_reclen`, whose upper byte short names leave 0, in `struct linux_dirent64`.
    private static let entryLengthOffset = 16
    /// Of `d_name`.
    private static let entryNameOffset = 19
}
