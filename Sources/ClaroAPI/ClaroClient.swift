import Crypto
import Logging
import Synchronization

/// Whom a request is made for.
package enum Priority: Sendable {
    /// Somebody waits for the answer.
    case interactive
    /// It may be useful later: waits behind interactive ones. `ClaroClient.reserveAhead` tells whether it may be sent.
    case background
}

/// Claro's HTTP API as Swift calls: authenticated, paced, retried, and bounded in time and memory.
///
/// Every call to the API passes `send`; downloads, which go to another host, do not. Cancelling the calling task ends
/// a call with `.cancelled`. All methods may be called from any thread.
package final class ClaroClient: Sendable {
    package struct Configuration: Sendable {
        package var baseURL: BaseURL
        /// For each call in all; for a listing, each page.
        package var timeout: Duration = .seconds(30)
        /// How long a download may bring nothing.
        package var downloadStall: Duration = .seconds(10)
        /// Certificates, as PEM, to trust instead of the system's, for downloads beside the system's.
        package var caFile: String?
        package var userAgent = "mount.claro"
        package var clock = ClientClock.system
        /// Tells whom a request is made for, in one word; asked when it is sent, in the task that sends it.
        package var requester: @Sendable () -> String = { "" }

        package init(baseURL: BaseURL) {
            self.baseURL = baseURL
        }
    }

    let configuration: Configuration
    let transport: Transport
    let state = Mutex(State())
    let retryPolicy = RetryPolicy()
    private let credentials: Credentials
    private let logger: Logger

    struct State {
        var limiter = RateLimiter()
        var breaker = CircuitBreaker()
        var requests: [ClientStatistics.Key: Int] = [:]
        var requesters: [String: Int] = [:]
        var rate = RequestRate()
        var inFlight = 0
        /// The one of the two known paths that has answered.
        var downloadURLPath: String?
        /// What was logged and is not worth a second line.
        var noticed: Set<String> = []
    }

    /// The largest body that is accepted, after decompression. The API documents none; prompts have some kilobytes, a
    /// page of a listing some 50, and nobody means to read 64 MiB as one text.
    static let bodyBound = 64 << 20

    package init(configuration: Configuration, credentials: Credentials, logger: Logger) {
        self.configuration = configuration
        self.credentials = credentials
        self.logger = logger
        transport = Transport(
            configuration: Transport.Configuration(caFile: configuration.caFile, userAgent: configuration.userAgent)
        )
        if !credentials.key.looksLikeClaroKey {
            logger.warning("the API key from \(credentials) does not begin with sk_ as Claro's keys do")
        }
    }

    var clock: ClientClock { configuration.clock }

    var key: APIKey { credentials.key }

    /// Stands for what this client sees, an origin with a key, in names of files: a hash of both.
    package var cacheIdentity: String {
        Self.hexadecimal(credentials.key.digest(after: Array("\(configuration.baseURL)\0".utf8)))
    }

    /// Stands for the place that the key comes from, if that may hold another key later: a hash of it and the origin.
    package var credentialSourceIdentity: String? {
        credentials.file.map { Self.hexadecimal(SHA256.hash(data: Array("\(configuration.baseURL)\0\($0)".utf8))) }
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Reads the key again from where it came from, for SIGHUP. If it cannot be read, the old one stays.
    package func reloadCredentials() {
        _ = keyHasChanged()
    }

    func keyHasChanged() -> Bool {
        do throws(CredentialsError) {
            return try credentials.reload()
        } catch {
            logger.error("\(error)")
            return false
        }
    }

    /// Logs a peculiarity of the server's answers the first time it is seen.
    func notice(_ text: String) {
        let isNew = state.withLock { $0.noticed.count < 100 && $0.noticed.insert(text).inserted }
        if isNew { logger.notice("\(text)") }
    }

    /// Counts one request that nobody waits for, to be sent with `Priority.background`; false where it may not be: the last
    /// quarter of the budget stays for people, and an outage is not for it to probe.
    package func reserveAhead() -> Bool {
        let now = clock.now()
        return state.withLock { $0.breaker.isSound && $0.limiter.reserve(.background, at: now) == nil }
    }

    /// Whether a request that nobody waits for may be sent: as `reserveAhead`, but nothing is counted, a quarter of the
    /// hour's budget stays as well, and after a failure one may find out whether the API is back.
    package var hasRoomAhead: Bool {
        let now = clock.now()
        return state.withLock { state in
            let sentBound = RateLimiter.documentedHourlyLimit * 3 / 4
            guard state.rate.total(of: .seconds(3600), at: now) < sentBound else { return false }
            var limiter = state.limiter
            return limiter.reserve(.background, at: now) == nil
        }
    }

    /// A snapshot; cheap, and never waits.
    package var statistics: ClientStatistics {
        let now = clock.now()
        return state.withLock { $0.statistics(at: now) }
    }

    /// Ends all calls as cancelled, also later ones, and waits for the network thread's end.
    package func shutdown() {
        transport.shutdown()
    }
}
