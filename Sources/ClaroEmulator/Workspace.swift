/// What the emulated account holds: namespaces, their prompts, the prompts' versions.
///
///     let workspace: Workspace = [
///         "acme": [
///             Workspace.Prompt(
///                 "support",
///                 title: "Support",
///                 versions: [.init("Answer {{question:string}}", system: "Be kind.")],
///                 draft: .init("Answer briefly.")
///             )
///         ]
///     ]
///
/// Names are not checked, so that a test can hold ones that the grammar forbids. Where ids are left out, they are
/// derived from names and bytes, the same in every run.
package struct Workspace: Sendable {
    /// In the order of the listing.
    package var namespaces: [Namespace]

    package struct Namespace: Sendable {
        package var name: String
        package var prompts: [Prompt]

        package init(_ name: String, _ prompts: [Prompt] = []) {
            self.name = name
            self.prompts = prompts
        }
    }

    package init(_ namespaces: [Namespace] = []) {
        self.namespaces = namespaces
    }

    /// The prompt `@namespace/slug`. Setting one that is new adds it at the end, setting nil deletes it.
    package subscript(namespace: String, slug: String) -> Prompt? {
        get {
            namespaces.first { $0.name == namespace }?.prompts.first { $0.slug == slug }
        }
        set {
            let outer = namespaces.firstIndex { $0.name == namespace } ?? namespaces.endIndex
            if outer == namespaces.endIndex { namespaces.append(Namespace(namespace)) }
            let inner = namespaces[outer].prompts.firstIndex { $0.slug == slug }
            switch (inner, newValue) {
            case (let inner?, let prompt?): namespaces[outer].prompts[inner] = prompt
            case (let inner?, nil): namespaces[outer].prompts.remove(at: inner)
            case (nil, let prompt?): namespaces[outer].prompts.append(prompt)
            case (nil, nil): break
            }
        }
    }
}

extension Workspace: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, [Prompt])...) {
        namespaces = elements.map { Namespace($0, $1) }
    }
}

extension Workspace {
    /// The record of a prompt: what can change without a new version, and its versions.
    package struct Prompt: Sendable {
        package var slug: String
        package var id: String?
        package var title: String
        package var description: String?
        package var category: String?
        package var tags: [String]
        /// Milliseconds since 1970; the version's, where a version has its own.
        package var createdAt: Int64
        /// Published versions, oldest first. A version without a number is its predecessor's plus one.
        package var versions: [Version]
        /// v0.
        package var draft: Version?
        /// Members of the listing item to replace, add, or (nil) remove.
        package var listingOverrides: [String: JSON?]

        package init(
            _ slug: String,
            id: String? = nil,
            title: String? = nil,
            description: String? = nil,
            category: String? = nil,
            tags: [String] = [],
            createdAt: Int64 = Workspace.epoch,
            versions: [Version] = [],
            draft: Version? = nil,
            listingOverrides: [String: JSON?] = [:]
        ) {
            self.slug = slug
            self.id = id
            self.title = title ?? slug
            self.description = description
            self.category = category
            self.tags = tags
            self.createdAt = createdAt
            self.versions = versions
            self.draft = draft
            self.listingOverrides = listingOverrides
        }

        /// The published versions with their numbers.
        package var numberedVersions: [(number: Int, version: Version)] {
            var numbered: [(number: Int, version: Version)] = []
            for version in versions {
                numbered.append((version.number ?? (numbered.last?.number ?? 0) + 1, version))
            }
            return numbered
        }

        /// The newest published version that is not archived.
        package var latest: (number: Int, version: Version)? {
            numberedVersions.last { !$0.version.isArchived }
        }

        /// Adds a version after the newest one.
        package mutating func publish(_ version: Version) {
            versions.append(version)
        }
    }

    /// One version's texts and attachments.
    package struct Version: Sendable {
        package var number: Int?
        package var content: String
        package var system: String?
        package var critique: String?
        package var context: [ContextItem]
        /// Milliseconds since 1970; the prompt's when nil.
        package var createdAt: Int64?
        package var isArchived: Bool
        /// Members of the API's object to replace, add, or (nil) remove.
        package var overrides: [String: JSON?]
        /// The whole answer's body in place of the object.
        package var body: [UInt8]?

        package init(
            _ content: String,
            number: Int? = nil,
            system: String? = nil,
            critique: String? = nil,
            context: [ContextItem] = [],
            createdAt: Int64? = nil,
            isArchived: Bool = false,
            overrides: [String: JSON?] = [:],
            body: [UInt8]? = nil
        ) {
            self.number = number
            self.content = content
            self.system = system
            self.critique = critique
            self.context = context
            self.createdAt = createdAt
            self.isArchived = isArchived
            self.overrides = overrides
            self.body = body
        }
    }

    /// 2025-01-15T09:30:00Z in milliseconds: when things were made that do not say.
    package static let epoch: Int64 = 1_736_933_400_000
}
