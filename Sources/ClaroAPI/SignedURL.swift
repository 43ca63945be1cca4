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

    /// The address without its query.
    package var description: String {
        String(absoluteString.prefix { $0 != "?" && $0 != "#" })
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
