/// What the API said when it was asked whether it takes the key.
package struct AccessCheck: Sendable {
    /// How long the answer took.
    package let roundTrip: Duration
    /// How far the server's clock is ahead of this machine's; nil where it tells no time.
    package let clockOffset: Duration?
}

extension ClaroClient {
    /// Asks for one prompt, which proves that the API is there and takes the key. Maps to `GET /v1/prompts`.
    ///
    /// - Throws: `.unauthorized`, `.forbidden`, and what all calls throw.
    package func checkAccess() async throws(APIError) -> AccessCheck {
        let call = APICall(operation: .listPrompts, subject: "one prompt", path: "/v1/prompts?limit=1", attemptBound: 1)
        let start = clock.now()
        let response = try await send(call)
        let answer = try object(with: "prompts", in: response, call)
        guard answer["prompts"]?.elements != nil else { throw malformed(call, response, "no list of prompts") }
        let serverTime = response.head["date"].flatMap(HTTPDate.timestamp)
        return AccessCheck(
            roundTrip: clock.now() - start,
            clockOffset: serverTime.map { clock.wallTime().duration(to: $0) }
        )
    }
}
