@testable import ClaroAPI

extension FuzzTarget {
    /// What a server says of an error: the byte 1 stands for the key, which it may repeat.
    static let message = FuzzTarget(name: "message", sources: ["ClaroAPI/ServerMessage.swift"]) { bytes in
        // More repeat nothing but time.
        guard bytes.count(where: { $0 == 1 }) <= 8 else { return }
        let key = try APIKey("sk_live_0123456789abcdefghij")
        let body = bytes.flatMap { $0 == 1 ? Array(key.secret.utf8) : [$0] }
        let message = ServerMessage(body: body, hiding: key)
        for text in [message.text, ServerMessage.line(body.text, hiding: key)] {
            try check(text.count <= 201, "a message fits a line")
            let scalars = text.unicodeScalars
            try check(!scalars.contains { $0.properties.generalCategory == .control }, "a message is one line")
            try check(!scalars.contains(where: \.properties.isBidiControl), "a message reads in one direction")
            try check(!Array(text.utf8).hasPart(key.secret.utf8.prefix(20)), "no message has the key, or most of it")
        }
        if message.document != nil { try check(body.count <= 64 << 10, "what is too long is not read") }
    }
}

extension [UInt8] {
    fileprivate func hasPart(_ part: some Sequence<UInt8>) -> Bool {
        indices.contains { self[$0...].starts(with: part) }
    }
}
