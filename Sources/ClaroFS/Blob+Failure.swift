import SystemPackage

extension Blob {
    /// What a reader was told who waited in vain.
    struct Failure {
        let errno: Errno
        let range: Range<Int64>
        let time: ContinuousClock.Instant
    }
}

extension Blob.State {
    /// The kernel's second question comes within microseconds; a person's is a new attempt.
    private static let repetitionTime: Duration = .milliseconds(200)

    /// The errno for somebody who asks for `range` again, some of which could not be had a moment ago; nil: he may try.
    ///
    /// When reading ahead has failed, the kernel asks for the very page that its reader wants (mm/filemap.c,
    /// filemap_update_page). He should not wait twice, nor have everything asked for twice.
    func repeatedFailure(of range: Range<Int64>, at now: ContinuousClock.Instant) -> Errno? {
        guard let lastFailure, now < lastFailure.time + Self.repetitionTime, lastFailure.range.overlaps(range),
            whenPresent(range) == nil
        else { return nil }
        return lastFailure.errno
    }
}
