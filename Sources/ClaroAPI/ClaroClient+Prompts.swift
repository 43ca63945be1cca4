/// The answer to `ClaroClient.getPrompt`.
package enum PromptAnswer: Sendable {
    case prompt(Prompt)
    /// The version still has the ETag that the caller knows.
    case notModified
}

extension ClaroClient {
    /// Fetches one version with all its texts. Maps to `POST /v1/prompts/get`.
    ///
    /// `variables` say what the API is to put in the place of each `{{name}}`; without any, the places stay. `etag` is
    /// that of what the caller has, if the server ever sent one.
    ///
    /// - Throws: `.notFound` where there is no such version, `.malformed` where one of its texts is not text.
    package func getPrompt(
        _ name: PackageName,
        variables: [String: String] = [:],
        ifNoneMatch etag: String? = nil,
        priority: Priority = .interactive
    ) async throws(APIError) -> PromptAnswer {
        var members = [JSONValue.Member(key: "package_name", value: .string(name.description))]
        if !variables.isEmpty {
            let pairs = variables.map { JSONValue.Member(key: $0.key, value: .string($0.value)) }
            members.append(JSONValue.Member(key: "variables", value: .object(pairs)))
        }
        let call = APICall(
            operation: .getPrompt,
            subject: name.description,
            method: .post(body: JSONValue.object(members).serialized(.compact)),
            path: "/v1/prompts/get",
            etag: etag,
            priority: priority
        )
        let response = try await send(call)
        guard response.head.status != 304 else { return .notModified }
        let object = try object(with: "id", in: response, call)
        do throws(MalformedAnswer) {
            var prompt = try Prompt(object)
            prompt.etag = response.head["etag"]
            if prompt.context.count != object["context"]?.elements?.count ?? 0 {
                notice("left out unusable context items, first in \(name)")
            }
            return .prompt(prompt)
        } catch {
            throw malformed(call, response, error.reason)
        }
    }

    /// Lists all prompts that the key can see, or fails: never a part of them. Maps to `GET /v1/prompts`.
    ///
    /// A large account takes more requests than a minute allows. From the second page on, the rate limit is waited
    /// for, beyond `timeout`; whoever cannot wait so long should not wait for this call.
    package func listPrompts() async throws(APIError) -> PromptListing {
        do throws(APIError) {
            return try await listPrompts(pageSize: Self.pageSize)
        } catch {
            // Nothing but the size of the page can be wrong about a first page's request.
            guard error.status == 400, error.subject == Self.pageSubject(1) else { throw error }
            return try await listPrompts(pageSize: Self.cautiousPageSize)
        }
    }

    private func listPrompts(pageSize: Int) async throws(APIError) -> PromptListing {
        var listing = ListingBuilder()
        var cursors: Set<String> = []
        var cursor: String?
        repeat {
            let page = listing.pageCount + 1
            let query = cursor.map { "&cursor=" + $0.percentEncoded } ?? ""
            let call = APICall(
                operation: .listPrompts,
                subject: Self.pageSubject(page),
                path: "/v1/prompts?limit=\(pageSize)\(query)",
                patience: page == 1 ? .zero : Self.pagePatience
            )
            let response = try await send(call)
            let object = try object(with: "prompts", in: response, call)
            guard let items = object["prompts"]?.elements else { throw malformed(call, response, "no list of prompts") }
            listing.append(items)
            guard listing.prompts.count <= Self.promptBound, page <= Self.promptBound / pageSize else {
                throw malformed(call, response, "more than \(Self.promptBound) prompts")
            }
            cursor = Self.nextCursor(object)
            if let cursor {
                guard cursor.utf8.count <= Self.cursorByteBound else {
                    throw malformed(call, response, "cursor too long")
                }
                guard cursors.insert(cursor).inserted else { throw malformed(call, response, "the cursor comes again") }
            }
        } while cursor != nil
        if listing.skippedCount > 0 {
            notice("left out items without a valid name from the listing (\(listing.skippedCount) of them)")
        }
        return PromptListing(prompts: listing.prompts, pageCount: listing.pageCount)
    }

    /// Both spellings of both fields are in use. Without a cursor there is no next page, whatever `hasMore` says.
    static func nextCursor(_ object: JSONValue) -> String? {
        let hasMore = object["hasMore"]?.bool ?? object["has_more"]?.bool ?? true
        let cursors = [object["next_cursor"]?.text, object["nextCursor"]?.text, object["cursor"]?.text]
        return hasMore ? cursors.lazy.compactMap(\.self).first { !$0.isEmpty } : nil
    }

    private static func pageSubject(_ page: Int) -> String { "prompts, page \(page)" }

    /// The API's maximum: the fewest requests.
    private static let pageSize = 100
    /// What an installation with another maximum accepts all the same: the official SDK's default.
    private static let cautiousPageSize = 20
    /// A window of the rate limit and some more.
    private static let pagePatience: Duration = .seconds(90)
    /// Twice the largest account that is planned for.
    private static let promptBound = 200_000
    /// Cursors go into URLs, for which servers allow some 8 KiB.
    private static let cursorByteBound = 4096
}

/// A listing as it grows page by page. Of a page's JSON nothing is kept.
struct ListingBuilder {
    private(set) var prompts: [PromptSummary] = []
    private(set) var pageCount = 0
    private(set) var skippedCount = 0
    private var indices: [PromptName: Int] = [:]
    /// One copy of each namespace's text, which thousands of names share.
    private var namespaces: [String: String] = [:]

    /// Adds a page. Items of one name (one a version, on some servers) become one.
    mutating func append(_ items: [JSONValue]) {
        pageCount += 1
        for item in items {
            guard let summary = PromptSummary(item, namespaces: &namespaces) else {
                skippedCount += 1
                continue
            }
            if let index = indices[summary.name] {
                prompts[index].merge(summary)
            } else {
                indices[summary.name] = prompts.count
                prompts.append(summary)
            }
        }
    }
}

extension String {
    /// As a value in a URL's query: everything but RFC 3986's unreserved characters is escaped.
    var percentEncoded: String {
        var result = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), 0x30...0x39,
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}
