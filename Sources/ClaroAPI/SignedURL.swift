/// An address at the storage host that opens one file to whoever has it, for a while: a secret.
///
/// INVARIANT: its query appears in no description, reflection, error or log.
package struct SignedURL: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// For the transport alone.
    let absoluteString: String
    /// When to ask for another one, some time before the server would refuse this one; nil if the API did not say:
    /// use it at once.
    package let expiresAt: ContinuousClock.Instant?

    init(absoluteString: String, expiresAt: ContinuousClock.Instant?) {
        self.absoluteString = absoluteString
        self.expiresAt = expiresAt
    }

    /// Reads an answer. The address is good for a little less than the server says, from `askedAt` on.
    ///
    /// Fails where there is no address that a download may go to: of more than `byteCountBound` bytes, or neither https
    /// nor, with `acceptsLoopback`, on this machine.
    init?(_ answer: JSONValue, askedAt: ContinuousClock.Instant, acceptsLoopback: Bool) {
        guard let text = answer["url"]?.text, text.utf8.count <= Self.byteCountBound,
            AbsoluteURL(text)?.isFit(acceptsLoopback: acceptsLoopback) ?? false
        else { return nil }
        let lifetime = (answer["expiresIn"] ?? answer["expires_in"])?.integer.map { Duration.seconds(min($0, 604_800)) }
        let slack = lifetime.map { min($0 / 5, .seconds(30)) }
        self.init(
            absoluteString: text,
            expiresAt: lifetime.flatMap { $0 > .zero ? askedAt + $0 - (slack ?? .zero) : nil }
        )
    }

    /// Signatures have a few hundred bytes, with a session's token two thousand.
    private static let byteCountBound = 16 << 10

    /// The address without its query.
    package var description: String {
        String(absoluteString.prefix { $0 != "?" && $0 != "#" })
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
