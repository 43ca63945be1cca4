import CFUSE
import Synchronization

/// What libfuse has to say, which it would write to standard error.
package final class LibraryLog: Sendable {
    /// libfuse knows one log for the whole process.
    package static let shared = LibraryLog()

    private struct State {
        var receiver: (@Sendable (String) -> Void)?
        var last: String?
    }

    private let state = Mutex(State())

    private init() {}

    /// Has each message handed to `receiver`, on whatever thread it comes up.
    package func setReceiver(_ receiver: @escaping @Sendable (String) -> Void) {
        state.withLock { $0.receiver = receiver }
    }

    /// Has libfuse tell this object; sessions that are made at one time do so once.
    func install() { Self.installation }

    private static let installation: Void = cfuse_set_log { _, text in
        LibraryLog.shared.receive(String(cString: text))
    }

    /// The last message, once.
    func takeLast() -> String? { state.withLock { $0.last.take() } }

    private func receive(_ text: String) {
        let receiver = state.withLock { state in
            state.last = text
            return state.receiver
        }
        receiver?(text)
    }
}
