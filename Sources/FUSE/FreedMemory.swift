import CFUSE

/// What `malloc` does with large blocks that were freed.
package enum FreedMemory {
    /// Has them given back to the system at once. Left to itself `malloc` keeps what a long listing took while it was
    /// fetched: as much as the listing itself.
    package static func giveBack() { cfuse_give_back_freed_memory() }
}
