import ClaroAPI
import Crypto

/// SHA-256, by which bodies are compared.
typealias Digest = SHA256.Digest

extension SHA256.Digest {
    static func of(_ text: String) -> SHA256.Digest { SHA256.hash(data: Array(text.utf8)) }

    /// As `sha256sum` prints it.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension BlobKey {
    /// Stands for the bytes, which are not known before they are downloaded.
    var digest: Digest {
        let time = createdAt.map { "\($0.seconds).\($0.nanoseconds)" } ?? ""
        return .of("\(claimedByteCount.map(String.init) ?? "") \(time) \(itemID)")
    }
}
