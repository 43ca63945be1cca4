import Glibc

/// A thread of our own, outside of Swift's pool, for calls that block. It takes no signals.
package struct Thread: Sendable {
    // pthread_t is a number on Linux, valid until the join.
    private let handle: pthread_t

    init(_ body: @escaping @Sendable () -> Void) {
        let (handle, result) = Self.start(body)
        precondition(result == 0, "a thread cannot be made: errno \(result)")
        self.handle = handle
    }

    /// Has `body` run on a thread whose end nobody waits for; false where the system has none to give.
    package static func runDetached(_ body: @escaping @Sendable () -> Void) -> Bool {
        let (handle, result) = start(body)
        return result == 0 && pthread_detach(handle) == 0
    }

    private static func start(_ body: @escaping @Sendable () -> Void) -> (handle: pthread_t, result: Int32) {
        let start = Unmanaged.passRetained(Start(body))
        var handle = pthread_t()
        let result = pthread_create(
            &handle,
            nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                start.body()
                return nil
            },
            start.toOpaque()
        )
        if result != 0 { start.release() }
        return (handle, result)
    }

    func join() { pthread_join(handle, nil) }

    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
