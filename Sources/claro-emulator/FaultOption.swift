import ArgumentParser
import ClaroEmulator

/// A fault as the command line gives it: `[OPERATION:]FAULT[=NUMBER]`.
struct FaultOption: ExpressibleByArgument {
    static let help = ArgumentHelp(
        "Spoil every answer, or those of one operation; may be repeated, the first that fits wins.",
        discussion: """
            [get:|list:|download-url:|storage:]FAULT, where FAULT is a status (503), latency=MS, rate-limit=SECONDS, \
            slow=BYTES_PER_SECOND, oversized=BYTES, nesting=DEPTH, cut=BYTES, garbage, truncated, html, surrogate, \
            hang, reset, malformed, silent.
            """,
        valueName: "fault"
    )

    let fault: Fault
    let matcher: RequestMatcher

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1).map(String.init)
        guard let text = parts.last else { return nil }
        if parts.count == 2 {
            guard let matcher = Self.matchers[parts[0]] else { return nil }
            self.matcher = matcher
        } else {
            matcher = .any
        }
        guard let fault = Self.fault(text) else { return nil }
        self.fault = fault
    }

    private static let matchers: [String: RequestMatcher] = [
        "get": .getPrompt, "list": .listPrompts, "download-url": .downloadURL, "storage": .storage,
    ]

    private static func fault(_ text: String) -> Fault? {
        if let status = Int(text), (300...599).contains(status) { return .status(status) }
        let parts = text.split(separator: "=", maxSplits: 1)
        guard let name = parts.first else { return nil }
        guard parts.count == 2 else { return plainFaults[String(name)] }
        guard let number = Int(parts[1]), number >= 0 else { return nil }
        return switch name {
        case "latency": .latency(.milliseconds(number))
        case "rate-limit": .rateLimit(retryAfter: number)
        case "slow": .slowDrip(bytesPerSecond: number)
        case "oversized": .oversized(byteCount: Int64(number))
        case "nesting": .nesting(depth: number)
        case "cut": .cutBody(after: number)
        default: nil
        }
    }

    private static let plainFaults: [String: Fault] = [
        "garbage": .garbage, "truncated": .truncatedJSON, "html": .wrongContentType, "surrogate": .loneSurrogate,
        "hang": .hang, "reset": .reset(after: .nothing), "malformed": .malformedHTTP, "silent": .noAnswer,
    ]
}
