import ClaroEmulator
import Foundation
import Testing

/// Something that goes wrong with the API or the storage host, and what programs get then: a row of the fault matrix.
struct MatrixFault: Sendable, CustomTestStringConvertible {
    /// How it is brought about.
    enum Cause: Sendable {
        /// The API answers so, `times` times or until the end.
        case api(Fault, times: Int? = nil)
        /// The storage host answers so.
        case storage(Fault, times: Int? = nil)
        /// Nobody listens any more.
        case refused
        /// Somebody else answers, with a certificate of another authority.
        case stranger
        /// The host's name has no address any more. What was fetched before was so by an earlier mount: one that is
        /// there keeps the address.
        case nameless
    }

    /// What a system call comes to.
    enum Outcome: Sendable, Equatable {
        /// What was there before, marked as stale if it can change.
        case served
        /// What is there now.
        case current
        case fails(POSIXErrorCode)
    }

    let testDescription: String
    let cause: Cause
    /// For what was fetched before, and can change.
    let cached: Outcome
    /// For what was never fetched.
    let uncached: Outcome
    /// What the log says of the cause; nil: nothing is logged.
    let log: String?
    /// The option of that name, in seconds. What ends by itself gets more than it needs.
    let timeout: Int

    init(
        _ name: String,
        _ cause: Cause,
        cached: Outcome = .served,
        uncached: Outcome,
        log: String?,
        timeout: Int = 30
    ) {
        testDescription = name
        self.cause = cause
        self.cached = cached
        self.uncached = uncached
        self.log = log
        self.timeout = timeout
    }

    /// Whether it is the storage host's, which is asked for attachments only.
    var isOfStorage: Bool {
        if case .storage = cause { true } else { false }
    }

    /// Whether it spoils everything of the API for as long as it lasts, and not the way there.
    var isAnsweredByAPI: Bool {
        if case .api(_, times: nil) = cause { uncached != .fails(.EAGAIN) } else { false }
    }

    var isNameless: Bool {
        if case .nameless = cause { true } else { false }
    }

    /// The system calls that it concerns.
    var cells: [MatrixCell] {
        let operations = MatrixOperation.allCases.filter { $0 == .read || !isOfStorage }
        let cells = operations.flatMap { [MatrixCell($0, isCached: true), MatrixCell($0, isCached: false)] }
        // Only a server that is on this machine by its name may give addresses without TLS, as the emulator does.
        return cells.filter { !(isNameless && $0 == MatrixCell(.read, isCached: true)) }
    }

    /// What a system call comes to.
    func outcome(of cell: MatrixCell) -> Outcome {
        // Claro's listing has no way not to exist: its 404 is a wrong address.
        if cell.operation == .listing, uncached == .fails(.ENOENT) { return cell.isCached ? .served : .fails(.EIO) }
        // An attachment of a published version does not change, so nobody asks for it again.
        if cell.operation == .read, cell.isCached { return .served }
        return cell.isCached ? cached : uncached
    }

    static let all = statuses + waits + bodies + connections + downloads

    private static let statuses = [
        MatrixFault("404", .api(.status(404)), cached: .fails(.ENOENT), uncached: .fails(.ENOENT), log: nil),
        MatrixFault("403", .api(.status(403)), cached: .fails(.EACCES), uncached: .fails(.EACCES), log: "403: "),
        MatrixFault("401", .api(.status(401)), uncached: .fails(.EACCES), log: "401: "),
        MatrixFault("400", .api(.status(400)), uncached: .fails(.EIO), log: "400: "),
        MatrixFault("500", .api(.status(500)), uncached: .fails(.EIO), log: "500: "),
        MatrixFault("502", .api(.status(502)), uncached: .fails(.EIO), log: "502 after ", timeout: 8),
        MatrixFault("503", .api(.status(503)), uncached: .fails(.EIO), log: "503 after ", timeout: 8),
        MatrixFault("504", .api(.status(504)), uncached: .fails(.EIO), log: "504 after ", timeout: 8),
    ]

    private static let waits = [
        MatrixFault(
            "429, again in a second",
            .api(.rateLimit(retryAfter: 1), times: 1),
            cached: .current,
            uncached: .current,
            log: nil
        ),
        MatrixFault(
            "429, again at a date",
            .api(.rateLimit(retryAfter: 1, form: .date), times: 1),
            cached: .current,
            uncached: .current,
            log: nil
        ),
        MatrixFault(
            "429, again beyond the deadline",
            .api(.rateLimit(retryAfter: 600)),
            uncached: .fails(.EAGAIN),
            log: "429: "
        ),
        MatrixFault(
            "429, again at a date beyond the deadline",
            .api(.rateLimit(retryAfter: 600, form: .date)),
            uncached: .fails(.EAGAIN),
            log: "429: "
        ),
        MatrixFault("silence", .api(.noAnswer), uncached: .fails(.ETIMEDOUT), log: "no answer within 2 s", timeout: 2),
        MatrixFault(
            "an answer after the deadline",
            .api(.latency(.seconds(6))),
            uncached: .fails(.ETIMEDOUT),
            log: "no answer within 2 s",
            timeout: 2
        ),
        MatrixFault(
            "a body of 20 bytes a second",
            .api(.slowDrip(bytesPerSecond: 20)),
            uncached: .fails(.ETIMEDOUT),
            log: "no answer within 2 s",
            timeout: 2
        ),
    ]

    private static let bodies = [
        MatrixFault("garbage", .api(.garbage), uncached: .fails(.EIO), log: "200: "),
        MatrixFault("half of the JSON", .api(.truncatedJSON), uncached: .fails(.EIO), log: "200: "),
        MatrixFault(
            "64 MiB and a byte",
            .api(.oversized(byteCount: 64 << 20 + 1)),
            uncached: .fails(.EIO),
            log: "the answer is too large"
        ),
        MatrixFault("arrays in arrays", .api(.nesting(depth: 100_000)), uncached: .fails(.EIO), log: "200: "),
        MatrixFault("a page of HTML", .api(.wrongContentType), uncached: .fails(.EIO), log: "200: "),
        MatrixFault(
            "JSON of the wrong type",
            .api(.body(Array(#"["v1"]"#.utf8))),
            uncached: .fails(.EIO),
            log: "200: "
        ),
    ]

    private static let connections = [
        MatrixFault("a refused connection", .refused, uncached: .fails(.EHOSTUNREACH), log: "Failed to connect to "),
        MatrixFault("no address", .nameless, uncached: .fails(.EHOSTUNREACH), log: "Could not resolve host"),
        MatrixFault("a strange certificate", .stranger, uncached: .fails(.EIO), log: "SSL certificate problem"),
        MatrixFault(
            "a reset before the headers",
            .api(.reset(after: .nothing)),
            uncached: .fails(.EIO),
            log: "the connection broke",
            timeout: 8
        ),
        MatrixFault(
            "a reset within the headers",
            .api(.reset(after: .status)),
            uncached: .fails(.EIO),
            log: "the connection broke",
            timeout: 8
        ),
        MatrixFault(
            "a reset after the headers",
            .api(.reset(after: .headers)),
            uncached: .fails(.EIO),
            log: "the answer was cut off",
            timeout: 8
        ),
        MatrixFault(
            "a body that is cut off",
            .api(.cutBody(after: 20)),
            uncached: .fails(.EIO),
            log: "the answer was cut off",
            timeout: 8
        ),
        MatrixFault("no HTTP", .api(.malformedHTTP), uncached: .fails(.EIO), log: "failed: "),
        MatrixFault(
            "a redirect to another origin",
            .api(.redirect(to: "http://127.0.0.2:9/")),
            uncached: .fails(.EIO),
            log: "307: redirect to http://127.0.0.2:9/"
        ),
    ]

    /// Of the storage host.
    private static let downloads = [
        MatrixFault("storage: an expired URL", .storage(.status(403), times: 1), uncached: .current, log: nil),
        MatrixFault("storage: 403 for a new URL, too", .storage(.status(403)), uncached: .fails(.EIO), log: "403"),
        MatrixFault("storage: 404", .storage(.status(404)), uncached: .fails(.EIO), log: "404"),
        MatrixFault("storage: 500", .storage(.status(500)), uncached: .fails(.EIO), log: "500"),
        MatrixFault("storage: 503", .storage(.status(503)), uncached: .fails(.EIO), log: "503 after ", timeout: 4),
        MatrixFault(
            "storage: 429, again beyond the deadline",
            .storage(.rateLimit(retryAfter: 600)),
            uncached: .fails(.EAGAIN),
            log: "429"
        ),
        MatrixFault(
            "storage: a body that is cut off",
            .storage(.cutBody(after: 1_000)),
            uncached: .fails(.EIO),
            log: "cut off after 1000 bytes"
        ),
        MatrixFault(
            "storage: a body that is cut to nothing",
            .storage(.cutBody(after: 0)),
            uncached: .fails(.EIO),
            log: "cut off after 0 bytes"
        ),
        MatrixFault(
            "storage: a reset before the headers",
            .storage(.reset(after: .nothing)),
            uncached: .fails(.EIO),
            log: "the connection broke",
            timeout: 4
        ),
        MatrixFault(
            "storage: a reset after the headers",
            .storage(.reset(after: .headers)),
            uncached: .fails(.EIO),
            log: "cut off after 0 bytes"
        ),
        MatrixFault("storage: no HTTP", .storage(.malformedHTTP), uncached: .fails(.EIO), log: "failed: "),
        MatrixFault(
            "storage: silence",
            .storage(.noAnswer),
            uncached: .fails(.ETIMEDOUT),
            log: "not a byte for 10 s",
            timeout: 2
        ),
        MatrixFault(
            "storage: silence, and much patience",
            .storage(.noAnswer),
            uncached: .fails(.ETIMEDOUT),
            log: "not a byte for 10 s"
        ),
        MatrixFault(
            "storage: slow, but as long as bytes come",
            .storage(.slowDrip(bytesPerSecond: 25_000)),
            uncached: .current,
            log: nil
        ),
    ]
}
