import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Programs that are stopped while they wait for the network.
struct InterruptTests {
    static let attachment = Workspace.Attachment.text("attached")
    static let library: Workspace = [
        "acme": [.init("support", versions: [.init("one", context: [.file("data.txt", attachment)])])]
    ]

    /// Where a caller waits: opening needs no answer, so a text's fetch is waited for in LOOKUP, a directory's in
    /// READDIR, an attachment's in READ.
    enum Place: String, CaseIterable, Sendable {
        case lookup, directory, read

        var operation: ClaroEmulator.Operation { self == .read ? .storage : .getPrompt }

        var command: [String] {
            switch self {
            case .lookup: ["cat", "@acme/support/v1/content.md"]
            case .directory: ["ls", "@acme/support/v1"]
            case .read: ["cat", "@acme/support/v1/context/data.txt"]
            }
        }

        var output: String {
            switch self {
            case .lookup: "one"
            case .directory: "content.md\ncontext\nmetadata.json\n"
            case .read: "attached"
            }
        }
    }

    /// Hanging, where a fraction of a second is promised.
    static let bound: Duration = .seconds(2)

    /// Every signal that ends programs, in every place, but SIGQUIT in READ: the kernel reads pages in the background,
    /// for which it sends no FUSE_INTERRUPT, and the reader's own wait for them ends by SIGKILL alone, into which it turns
    /// those signals that leave no core (kernel/signal.c, complete_signal).
    static let endings = Place.allCases.flatMap { place in
        [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGKILL].filter { place != .read || $0 != SIGQUIT }.map { (place, $0) }
    }

    @Test(arguments: endings)
    func `a signal that ends programs frees one that waits, and no other`(
        _ place: Place,
        _ signal: Int32
    ) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.hang, on: .operation(place.operation))
            let stopped = try await ChildProcess.start(place.command, directory: mount.path)
            await mount.emulator.requests.wait(for: 1, of: place.operation)
            let other = try await ChildProcess.start(place.command, directory: mount.path)
            try await eventually { try await other.waitsInKernel() }
            let start = ContinuousClock.now
            stopped.signal(signal)
            let end = try await stopped.end()
            #expect(ContinuousClock.now - start < Self.bound)
            #expect(end.status == 128 + signal)
            #expect(end.text == "")
            mount.emulator.clearFaults()
            let otherEnd = try await other.end()
            #expect(otherEnd.status == 0)
            #expect(otherEnd.text == place.output)
            #expect(mount.emulator.requests.count(of: place.operation) == 1)
        }
    }

    @Test func `a program with a handler of its own gets its signal`() async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.hang, on: .getPrompt)
            let program = """
                import signal, sys
                class Stop(Exception): pass
                def stop(*_): raise Stop
                signal.signal(signal.SIGINT, stop)
                try: print(open("@acme/support/v1/content.md").read())
                except Stop: sys.exit(7)
                """
            let child = try await ChildProcess.start(["python3", "-c", program], directory: mount.path)
            await mount.emulator.requests.wait(for: 1, of: .getPrompt)
            let start = ContinuousClock.now
            child.signal(SIGINT)
            #expect(try await child.end().status == 7)
            #expect(ContinuousClock.now - start < Self.bound)
        }
    }

    @Test(arguments: Place.allCases)
    func `a storm of other signals fails no call`(_ place: Place) async throws {
        try await MountFixture.with(Self.library) { mount async throws in
            mount.emulator.inject(.hang, on: .operation(place.operation))
            // The calls of the C library itself: Python's own repeat what a signal broke off.
            let program = """
                import ctypes, os, signal, sys
                signal.signal(signal.SIGURG, lambda *_: None)
                signal.signal(signal.SIGUSR1, lambda *_: None)
                libc = ctypes.CDLL(None, use_errno=True)
                name, directory = sys.argv[1].encode(), sys.argv[2] == "directory"
                descriptor = libc.open(name, os.O_RDONLY)
                if descriptor < 0: sys.exit("open: " + os.strerror(ctypes.get_errno()))
                buffer = ctypes.create_string_buffer(65536)
                call = libc.getdents64 if directory else libc.read
                count = call(descriptor, buffer, len(buffer))
                if count < 0: sys.exit("read: " + os.strerror(ctypes.get_errno()))
                print("many" if directory and count > 64 else buffer.raw[:count].decode(), end="")
                """
            let words = ["python3", "-c", program, place.command[1], place.rawValue]
            let child = try await ChildProcess.start(words, directory: mount.path)
            await mount.emulator.requests.wait(for: 1, of: place.operation)
            try await offPool {
                for number in 0..<300 {
                    child.signal(number % 2 == 0 ? SIGURG : SIGUSR1)
                    usleep(2_000)
                }
            }
            mount.emulator.clearFaults()
            let end = try await child.end()
            #expect(end.errors == "")
            #expect(end.status == 0)
            #expect(end.text == (place == .directory ? "many" : place.output))
        }
    }

    /// As Go's runtime sends them to its threads, and here to the daemon's too, which is stopped and let go on besides: what
    /// has no handler is not delivered, but a stop breaks off what waits.
    @Test func `a storm of signals at the daemon and its readers fails no call`() async throws {
        let library = Workspace.generated(
            prompts: 100,
            versions: 1,
            attachmentByteCount: 1 << 20,
            attachmentInterval: 25
        )
        try await MountFixture.with(library) { mount async throws in
            mount.emulator.latency = .milliseconds(5)
            // The calls of the C library itself: Python's own repeat what a signal broke off.
            let program = """
                import ctypes, os, signal, sys
                signal.signal(signal.SIGURG, lambda *_: None)
                libc = ctypes.CDLL(None, use_errno=True)
                buffer = ctypes.create_string_buffer(65536)
                def call(function, *arguments):
                    result = function(*arguments)
                    if result < 0: sys.exit(f"{function.__name__}: {os.strerror(ctypes.get_errno())}")
                    return result
                def read(name, function):
                    descriptor, count, bytes = call(libc.open, name.encode(), os.O_RDONLY), 1, 0
                    while count > 0:
                        count = call(function, descriptor, buffer, len(buffer))
                        bytes += count
                    call(libc.close, descriptor)
                    return bytes
                print("ready", file=sys.stderr, flush=True)
                read("@load-0", libc.getdents64)
                total = 0
                for index in range(100):
                    version = f"@load-0/prompt-{index:05}/v1"
                    read(version, libc.getdents64)
                    total += read(version + "/content.md", libc.read)
                    if index % 25 == 0: total += read(version + "/context/data.bin", libc.read)
                print(total)
                """
            var started: [ChildProcess] = []
            for _ in 0..<3 {
                started.append(try await ChildProcess.start(["python3", "-c", program], directory: mount.path))
            }
            let readers = started
            for reader in readers { #expect(await reader.waitForError("ready")) }
            let daemon = mount.daemon.processIdentifier
            let all = (readers.map(\.processIdentifier) + [daemon]).map { "\($0)" }.joined(separator: " ")
            let line = "while :; do kill -URG \(all); kill -STOP \(daemon); kill -CONT \(daemon); sleep 0.001; done"
            let storm = try await ChildProcess.start(["bash", "-c", line])
            for reader in readers {
                let end = try await reader.end()
                #expect(end.errors == "ready\n")
                #expect(end.text == "\(100 * 2_048 + 4 << 20)\n")
            }
            storm.signal(SIGKILL)
            _ = try await storm.end()
            mount.daemon.signal(SIGCONT)
            #expect(mount.emulator.requests.count(of: .getPrompt) == 100)
        }
    }
}
