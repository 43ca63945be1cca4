import Testing

@testable import FUSE

struct SessionOptionsTests {
    @Test func `a mount is read-only and checks modes`() {
        let options = Session.Options(source: "https://api.example.com", subtype: "claro")
        #expect(
            options.list == "ro,nosuid,nodev,default_permissions,subtype=claro,fsname=https://api.example.com"
        )
    }

    @Test func `comma and backslash in a source are escaped`() {
        let options = Session.Options(source: #"a,b\c\,d"#, subtype: "claro")
        #expect(options.list.hasSuffix(#",fsname=a\,b\\c\\\,d"#))
    }

    @Test func `others and execution are options`() {
        var options = Session.Options(source: "none", subtype: "claro")
        options.allowsOthers = true
        options.allowsExecution = false
        #expect(
            options.list == "ro,nosuid,nodev,default_permissions,allow_other,noexec,subtype=claro,fsname=none"
        )
    }
}
