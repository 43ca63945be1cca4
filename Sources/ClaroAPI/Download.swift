/// How the storage host's answer begins.
package struct DownloadHead: Sendable, Hashable {
    /// 200: the whole file, whatever range was asked for. 206: the range.
    package let status: Int
    /// Bytes that follow, if the server says so.
    package let contentLength: Int64?
    /// Where in the file the first byte belongs; nil with 200, which begins at the beginning.
    package let rangeStart: Int64?
    /// The whole file's size, if known.
    package let totalByteCount: Int64?

    package init(status: Int, contentLength: Int64?, rangeStart: Int64?, totalByteCount: Int64?) {
        self.status = status
        self.contentLength = contentLength
        self.rangeStart = rangeStart
        self.totalByteCount = totalByteCount
    }
}

/// Takes a file's bytes as they arrive.
///
/// Both closures run on the transport's thread, which serves all other transfers meanwhile: they may write to a local
/// file, but wait for nothing else. `onHead` runs once, before the first byte. Returning false ends the download.
package struct DownloadReceiver: Sendable {
    package let onHead: @Sendable (DownloadHead) -> Bool
    package let onBytes: @Sendable (UnsafeRawBufferPointer) -> Bool

    package init(
        onHead: @escaping @Sendable (DownloadHead) -> Bool,
        onBytes: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool
    ) {
        self.onHead = onHead
        self.onBytes = onBytes
    }
}

/// How a download ended that did not fail.
package struct DownloadEnd: Sendable, Hashable {
    package let head: DownloadHead
    /// Bytes that the receiver was given.
    package let byteCount: Int64
    /// Whether the receiver asked to stop, rather than the body being complete.
    package let wasStopped: Bool

    package init(head: DownloadHead, byteCount: Int64, wasStopped: Bool) {
        self.head = head
        self.byteCount = byteCount
        self.wasStopped = wasStopped
    }
}
