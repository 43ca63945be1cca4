import SystemPackage

/// What a session serves.
///
/// Each method returns a value or throws the errno that the caller gets; the session replies. A method starts on the
/// thread that read the request: where memory has the answer it returns without a hop; where it suspends, that thread
/// goes on to other requests. It must not block. It is cancelled when the calling thread is being killed or interrupted,
/// and then throws EINTR soon; what it waits for together with others goes on.
package protocol FileSystem: Sendable {
    /// The file called `name` in `parent`, or a negative entry. Each entry with attributes counts as one lookup.
    func lookup(_ name: FileName, in parent: InodeNumber) async throws(Errno) -> Entry
    /// What `stat` tells, and for how long the kernel may repeat it by itself.
    func attributes(of inode: InodeNumber) async throws(Errno) -> (attributes: Attributes, lifetime: Duration)
    /// The target of a symlink; the kernel keeps it as long as it keeps the inode.
    func readLink(_ inode: InodeNumber) async throws(Errno) -> String
    /// `count` bytes at `offset`, fewer only at the end of the file.
    func read(_ inode: InodeNumber, at offset: Int64, count: Int) async throws(Errno) -> ReadResult
    /// Fills `buffer` with the entries after `offset`; an untouched buffer is the end.
    func readDirectory(
        _ inode: InodeNumber,
        from offset: DirectoryOffset,
        into buffer: inout DirectoryBuffer
    ) async throws(Errno)
    /// Only asked when the session was made with extended attributes. ENODATA: no such attribute.
    func extendedAttribute(_ name: FileName, of inode: InodeNumber) async throws(Errno) -> [UInt8]
    func extendedAttributeNames(of inode: InodeNumber) async throws(Errno) -> [FileName]
    func statistics() -> FileSystemStatistics
    /// The kernel drops `lookups` of the references that it was given. Never called for what is left at unmount.
    func forget(_ inode: InodeNumber, lookups: UInt64)
}
