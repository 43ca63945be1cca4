import ClaroAPI
import ClaroFS
import Logging
import Testing

@testable import ClaroCommand
@testable import mount_claro

struct MountOptionsTests {
    @Test func `the defaults are those of the contract`() throws {
        let options = try MountOptions(parsing: [])
        #expect(options.ttl == .seconds(60))
        #expect(options.draftTTL == .seconds(5))
        #expect(options.negativeTTL == .seconds(10))
        #expect(options.metadataTTL == nil)
        #expect(options.timeout == .seconds(30))
        #expect(options.cache == .automatic)
        #expect(options.cacheByteCount == 1_073_741_824)
        #expect(options.minFreeByteCount == 536_870_912)
        #expect(options.umask == 0)
        #expect(!options.isLazy && !options.allowsOtherUsers && !options.hasExtendedAttributes && !options.isRemount)
        #expect(!options.allowsNonEmptyMountPoint)
        #expect(options.logLevel(isVerbose: false) == .notice)
        #expect(options.logLevel(isVerbose: true) == .debug)
    }

    @Test func `every option is read`() throws {
        let list =
            "ttl=5m,draft_ttl=500ms,negative_ttl=0,metadata_ttl=1d,timeout=7,cache=/c,cache_size=2T,min_free=0,"
            + "credentials=/k,cafile=/p,uid=12,gid=34,umask=0027,allow_other,lazy,xattr,include=@a:@b/c:@d/e*,nonempty,lock=/l"
            + ",log=trace"
        var expected = MountOptions()
        expected.ttl = .seconds(300)
        expected.draftTTL = .milliseconds(500)
        expected.negativeTTL = .zero
        expected.metadataTTL = .seconds(86_400)
        expected.timeout = .seconds(7)
        expected.cache = .directory("/c")
        expected.cacheByteCount = 2 << 40
        expected.minFreeByteCount = 0
        expected.credentialsFile = "/k"
        expected.caFile = "/p"
        expected.uid = 12
        expected.gid = 34
        expected.umask = 0o27
        expected.allowsOtherUsers = true
        expected.isLazy = true
        expected.hasExtendedAttributes = true
        expected.include = ["@a", "@b/c", "@d/e*"].compactMap { IncludePattern($0) }
        expected.lockFile = "/l"
        expected.allowsNonEmptyMountPoint = true
        expected.logLevel = .trace
        #expect(try MountOptions(parsing: [list]) == expected)
        #expect(try MountOptions(parsing: list.split(separator: ",").map(String.init)) == expected)
        #expect(list.split(separator: ",").count == MountOption.allCases.count)
    }

    @Test func `the last one wins, and empty words are nothing`() throws {
        let options = try MountOptions(parsing: [",ttl=1,,ttl=2", "", "ttl=3,cache=/x,cache=none"])
        #expect(options.ttl == .seconds(3))
        #expect(options.cache == .none)
    }

    @Test func `a backslash keeps a comma in a value`() throws {
        let options = try MountOptions(parsing: [#"cafile=/a\,b\\c\d,lazy"#])
        #expect(options.caFile == #"/a,b\c\d"#)
        #expect(options.isLazy)
    }

    @Test(arguments: [
        ("ttl=-1", "ttl=-1 is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d"),
        ("ttl=1w", "ttl=1w is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d"),
        ("ttl=1 s", "ttl=1 s is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d"),
        ("ttl=٣", "ttl=٣ is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d"),
        (
            "ttl=9223372036854775807d",
            "ttl=9223372036854775807d is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d"
        ),
        ("ttl=3651d", "ttl=3651d is out of range: 0s to 3650d are accepted"),
        ("timeout=0", "timeout=0 is out of range: 100ms to 1h are accepted"),
        ("timeout=2h", "timeout=2h is out of range: 100ms to 1h are accepted"),
        ("ttl", "the option ttl needs a value: ttl=TIME"),
        ("ttl=", "ttl= is not a time: write seconds, or 500ms, 30s, 5m, 1h, 1d"),
        ("lazy=1", "the option lazy takes no value"),
        ("cache_size=1X", "cache_size=1X is not a size: write bytes, or 64K, 512M, 1G, 2T"),
        ("cache_size=1000", "cache_size=1000 is out of range: 1M to 1024T are accepted"),
        ("min_free=9999999T", "min_free=9999999T is not a size: write bytes, or 64K, 512M, 1G, 2T"),
        ("cache=", "the option cache needs a value: cache=DIR|none"),
        ("credentials", "the option credentials needs a value: credentials=FILE"),
        ("uid=root", "uid=root is not an id: write a number, as `id -u` and `id -g` print it"),
        ("gid=4294967295", "gid=4294967295 is not an id: write a number, as `id -u` and `id -g` print it"),
        ("umask=8", "umask=8 is not a umask: write 0 to 0777, in octal"),
        ("umask=1000", "umask=1000 is not a umask: write 0 to 0777, in octal"),
        ("log=loud", "log=loud is not a level: trace, debug, info, notice, warning, error, critical"),
        ("include=@a/b:v2", "include=@a/b:v2 is not a part of an account: write @ns, @ns/prompt or @ns/start*"),
        ("bogus", "unknown option bogus: `-o help` lists all"),
        ("bogus=secret", "unknown option bogus: `-o help` lists all"),
        ("tll=3", "unknown option tll: did you mean ttl?"),
        ("draft-ttl=3", "unknown option draft-ttl: did you mean draft_ttl?"),
        ("allowother", "unknown option allowother: did you mean allow_other?"),
        ("user_id=0", "unknown option user_id: `-o help` lists all"),
    ])
    func `a mistake is named`(list: String, message: String) {
        #expect(throws: MountFailure(.usage, message)) { try MountOptions(parsing: [list]) }
    }

    @Test(arguments: [
        "key=hunter2", "api_key=hunter2", "TOKEN=hunter2", "api-key=hunter2", "password=hunter2", "sk_hunter2",
        "credentials=sk_hunter2", "bogus=sk_hunter2", "key",
    ])
    func `a key is refused and never repeated, sloppy or not`(list: String) throws {
        for isSloppy in [false, true] {
            let failure = try #require(throws: MountFailure.self) {
                try MountOptions(parsing: [list], isSloppy: isSloppy)
            }
            #expect(failure.exitCode == .usage)
            #expect(failure.description.contains("credentials=FILE"))
            #expect(!failure.description.contains("hunter2"))
        }
    }

    @Test(arguments: [
        "auto", "noauto", "x-systemd.automount", "X-mount.mkdir", "comment=abc", "user", "user=joe", "users", "owner",
        "group", "rw", "ro", "defaults", "dev", "nodev", "exec", "noexec", "suid", "nosuid", "atime", "noatime",
        "diratime", "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime", "lazytime", "sync", "async",
        "dirsync", "silent", "default_permissions",
    ])
    func `what is mount(8)'s own is accepted and changes no setting`(word: String) throws {
        var options = try MountOptions(parsing: [word])
        options.flagChanges = []
        #expect(options == MountOptions())
    }

    @Test(arguments: ["_netdev", "_rnetdev", "nofail", "lazy"])
    func `a mount that may be late is lazy`(word: String) throws {
        #expect(try MountOptions(parsing: [word]).isLazy)
    }

    @Test func `sloppy passes over what is unknown, and nothing else`() throws {
        #expect(try MountOptions(parsing: ["bogus,tll=3,ttl=3"], isSloppy: true).ttl == .seconds(3))
        #expect(throws: MountFailure.self) { try MountOptions(parsing: ["ttl=x"], isSloppy: true) }
    }

    @Test(
        arguments: [
            ("", []), ("rw,suid,dev,exec", []), ("noexec", [.noExecution]), ("noexec,exec", []),
            ("user", [.noExecution]), ("user,exec", []), ("defaults,noatime", []),
        ] as [(String, MountFlags)]
    )
    func `a new mount is read-only, without devices and set-user-id, whatever is asked for`(
        list: String,
        more: MountFlags
    ) throws {
        let expected = more.union([.readOnly, .noSUID, .noDevices])
        #expect(try MountOptions(parsing: [list]).flags == expected)
    }

    @Test func `a remount takes what the mount table shows`() throws {
        let list = "rw,remount,user_id=0,group_id=0,default_permissions,allow_other,max_read=131072,nosuid"
        let options = try MountOptions(parsing: [list])
        #expect(options.isRemount)
        #expect(MountFlags([.readOnly, .noExecution]).changed(by: options.flagChanges) == [.noExecution, .noSUID])
    }

    @Test(arguments: [
        ("@a", "@a/b", true), ("@a", "@ab/b", false), ("@a/b", "@a/b", true), ("@a/b", "@a/bc", false),
        ("@a/b*", "@a/bc", true), ("@a/b*", "@a/b", true), ("@a/b*", "@a/c", false), ("@a/*", "@a/c", true),
    ])
    func `an include pattern decides by name`(pattern: String, name: String, isIncluded: Bool) throws {
        let pattern = try #require(IncludePattern(pattern))
        let parts = name.dropFirst().split(separator: "/")
        let name = try #require(PromptName(namespace: parts[0], slug: parts[1]))
        #expect(pattern.includes(name) == isIncluded)
    }

    @Test(arguments: ["", "a", "@", "@a/", "@a/b/c", "@a/*b", "@a/b**", "@*", "@a b", "@a/b:v1"])
    func `other texts are no include pattern`(text: String) {
        #expect(IncludePattern(text) == nil)
    }

    @Test(arguments: ["0s", "1s", "500ms", "90s", "120s", "5m", "150s", "1h", "1d", "3650d", "121001ms"])
    func `times are written as they are read`(text: String) throws {
        #expect(DurationText.write(try #require(DurationText.read(text))) == text)
    }
}
