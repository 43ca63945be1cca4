import ClaroAPI

/// What is mounted: the API's address, and the name under which the mount table shows it.
package struct MountSource: Equatable, Sendable {
    /// As given, so that a second `mount -a` finds it mounted already; `claro` where nothing was given.
    package let name: String
    package let baseURL: BaseURL

    /// Reads SOURCE: the API's base URL, or `claro`, `none` or nothing for the default.
    ///
    /// - Throws: `MountFailure` with exit code 1. The text is repeated only where it holds no password.
    package init(_ text: String?) throws(MountFailure) {
        switch text {
        case nil, "", "claro", "none":
            name = text == "none" ? "none" : "claro"
            baseURL = .claro
        case let text?:
            name = text
            do {
                baseURL = try BaseURL(text)
            } catch {
                let subject = text.contains("@") ? "SOURCE" : text
                throw MountFailure(
                    .usage,
                    "\(subject) is no address of the API: \(error) (or claro for \(BaseURL.claro))"
                )
            }
        }
    }
}
