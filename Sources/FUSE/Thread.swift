import Glibc

/// A thread of our own, outside of Swift's pool, for calls that block. It takes no signals.
package struct Thread: Sendable {
    // pthread_t is a number on Linux, valid until the join, or the end of one that is detached.
    private let handle: pthread_t

    package init(_ body: @escaping @Sendable () -> Void) {
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
        precondition(result == 0, "a thread cannot be made: errno \(result)")
        self.handle = handle
    }

    func join() { pthread_join(handle, nil) }

    /// To be called once, instead of `join`: nobody waits for its end.
    package func detach() { pthread_detach(handle) }

    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
