import CFUSE

/// Memory that the process has no more use for.
package enum FreedMemory {
    /// Has `malloc` give large blocks that were freed back to the system at once. Left to itself it keeps what a long
    /// listing took while it was fetched: as much as the listing itself.
    package static func giveBack() { cfuse_give_back_freed_memory() }

    /// Gives back what has been freed between blocks that are in use; takes some milliseconds, during which others wait who
    /// allocate.
    package static func trim() { cfuse_trim_freed_memory() }

    /// Gives back the code that has run so far: starting goes through much that serving never needs.
    package static func giveBackCode() { cfuse_give_back_code() }
}
