import ClaroCommand
import ClaroFS
import Logging

/// The place where fetched things are kept.
struct CacheCheck {
    private let access: LibraryAccess

    init(_ access: LibraryAccess) { self.access = access }

    var findings: [Finding] {
        guard access.cacheDirectory != nil else {
            return [Finding("cache", .ok, "nothing is kept, as cache=none says")]
        }
        let warnings = LastMessage()
        let logger = Logger(label: "claro") { _ in warnings }
        let directory: CacheDirectory
        do throws(MountFailure) {
            directory = try access.usableCacheDirectory(logger)
        } catch {
            return [Finding("cache", .problem, "\(error)")]
        }
        guard directory.keeps else {
            let cure = "give a place on a disk with -o cache=DIR"
            return [Finding("cache", .warning, "its place is in memory, so nothing is kept", cure: cure)]
        }
        return [room(in: directory)] + health(of: directory, logger, warnings)
    }

    private func room(in directory: CacheDirectory) -> Finding {
        let free = ReadableByteCount(directory.freeByteCount)
        guard directory.freeByteCount < access.options.minFreeByteCount else {
            return Finding("cache", .ok, "\(directory.path) has \(free) free")
        }
        let cure = "make room, or give another place with -o cache=DIR, or less with -o min_free=SIZE"
        return Finding("cache", .warning, "\(directory.path) has only \(free) free, so attachments go soon", cure: cure)
    }

    private func health(of directory: CacheDirectory, _ logger: Logger, _ warnings: LastMessage) -> [Finding] {
        StoredLibrary.all(in: directory.path, logger: logger).map { library in
            let damage = library.quickCheck() ?? warnings.last
            guard let damage else { return Finding("cache", .ok, "\(library.path) is sound") }
            return Finding(
                "cache",
                .problem,
                "\(library.path): \(damage)",
                cure: "`claro cache verify` removes what is damaged"
            )
        }
    }
}
