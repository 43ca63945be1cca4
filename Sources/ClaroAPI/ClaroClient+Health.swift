extension ClaroClient {
    /// Whether the API answers. Maps to `GET /v1/health`, then `GET /health`; the documentation names no path.
    package func checkHealth() async -> Bool {
        for path in ["/v1/health", "/health"] {
            let call = APICall(operation: .health, subject: "the API's health", path: path, attemptBound: 1)
            if (try? await send(call)) != nil { return true }
        }
        return false
    }
}
