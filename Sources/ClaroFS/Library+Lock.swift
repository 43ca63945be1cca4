import ClaroAPI

/// What a lock file changes: the listing is what it says, and texts are served only if they are those that were locked.
extension Library {
    /// No request and no row of the store is needed for it, and the store's listing stays what it is.
    func useListing(of lock: LockFile) -> Listing {
        let prompts = Listing.prompts(of: lock.listing, previous: cachedListing, inodes: inodes, now: .now())
        let listing = Listing(
            prompts,
            pageCount: 0,
            previous: cachedListing,
            inodes: inodes,
            fallbackTime: mountTime,
            now: .now()
        )
        use(listing, age: .zero)
        return listing
    }

    func isAccepted(_ body: VersionBody, as key: VersionKey) -> Bool { lock?.accepts(body, as: key) ?? true }

    /// - Throws: `.malformed` for texts other than those that were locked.
    func verifyLocked(_ prompt: Prompt, as key: VersionKey) throws(APIError) {
        guard lock != nil else { return }
        let body = VersionBody(prompt, previous: nil, isPublished: key.isPublished, fallbackTime: mountTime)
        guard !isAccepted(body, as: key) else { return }
        throw APIError(.malformed, .getPrompt, key.description, cause: "its texts are not those that were locked")
    }
}
