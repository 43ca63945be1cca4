/// A directory served as a library.
package final class LibraryDirectory: Sendable {
    package let path: String
    package init(path: String) { self.path = path }
    func changedWorkspace() -> Workspace? { nil }
}
