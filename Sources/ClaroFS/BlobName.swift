/// What an attachment is called in the store: 64 hexadecimal digits.
struct BlobName: Hashable, Sendable, CustomStringConvertible {
    let description: String
}

extension BlobKey {
    var name: BlobName { BlobName(description: digest.hexadecimal) }
}
