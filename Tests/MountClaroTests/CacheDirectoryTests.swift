import Testing

@testable import ClaroCommand
@testable import mount_claro

struct CacheDirectoryTests {
    @Test(
        arguments: [
            (["CACHE_DIRECTORY": "/s:/t", "XDG_CACHE_HOME": "/x", "HOME": "/h"], false, "/s"),
            (["XDG_CACHE_HOME": "/x", "HOME": "/h"], true, "/x/claro"),
            (["XDG_CACHE_HOME": "relative", "HOME": "/h"], true, "/var/cache/claro"),
            (["HOME": "/h"], false, "/h/.cache/claro"),
            (["HOME": ""], false, nil),
            ([:], false, nil),
        ] as [([String: String], Bool, String?)]
    )
    func `the first absolute path counts`(environment: [String: String], isRoot: Bool, path: String?) {
        #expect(StandardCacheDirectory.path(environment: environment, isRoot: isRoot) == path)
    }
}
