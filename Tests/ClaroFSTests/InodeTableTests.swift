import ClaroAPI
import FUSE
import Logging
import TestSupport
import Testing

@testable import ClaroFS

struct InodeTableTests {
    @Test func `a number is given once, in the order of first sight`() {
        let table = InodeTable(nil)
        let names = (0..<100).map { Identity("name-\($0 % 50)", in: .root) }
        let numbers = table.numbers(of: names)
        #expect(Array(numbers[..<50]) == numbers[..<50].sorted())
        #expect(numbers[..<50] == numbers[50...])
        #expect(Set(numbers).count == 50)
        #expect(!numbers.contains(.root))
    }

    @Test func `lookups are counted until they are all forgotten`() {
        let table = InodeTable(nil)
        let inode = table.enter(.namespace("acme"), Identity("@acme", in: .root))
        #expect(table.enter(.namespace("acme"), Identity("@acme", in: .root)) == inode)
        table.forget(inode, lookups: 1)
        #expect(table.isHeld(inode))
        table.forget(inode, lookups: 1)
        #expect(!table.isHeld(inode))
        #expect(table.heldCount == 1)
    }

    @Test func `the root is never forgotten`() {
        let table = InodeTable(nil)
        table.forget(.root, lookups: 7)
        #expect(table.isHeld(.root))
    }

    @Test func `numbers are the same in another process's table, and new ones never meet old ones`() async throws {
        try await ScratchDirectory.with { scratch async throws in
            let logger = Logger(label: "test")
            let first = InodeTable(CacheDatabase(directory: scratch.path, key: "key", logger: logger))
            let old = first.numbers(of: ["a", "b", "c"].map { Identity($0, in: .root) })
            let second = InodeTable(CacheDatabase(directory: scratch.path, key: "key", logger: logger))
            let new = second.numbers(of: ["d", "c", "b", "a"].map { Identity($0, in: .root) })
            #expect(new.dropFirst() == [old[2], old[1], old[0]])
            #expect(!old.contains(new[0]))
            #expect(first.number(of: Identity("d", in: .root)) == new[0])
        }
    }
}
