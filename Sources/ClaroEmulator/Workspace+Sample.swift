extension Workspace {
    /// A small library for demonstrations: three namespaces, a dozen prompts that one might use.
    package static let sample = Workspace([
        Namespace("acme", [customerSupport, refundDecision, releaseNotes, incidentReport, salesEmail, callSummary]),
        Namespace("alice", [codeReviewer, commitMessage, sqlExplainer]),
        Namespace("handbook", [meetingMinutes, interviewQuestions, plainLanguage]),
    ])

    private static let day: Int64 = 86_400_000

    // MARK: @acme

    private static let customerSupport = Prompt(
        "customer-support",
        title: "Customer Support Assistant",
        description: "First answer to customers who write about orders, delivery and accounts",
        category: "support",
        tags: ["customer-service", "support"],
        createdAt: epoch,
        versions: [
            Version(
                """
                You are a helpful customer support agent for {{company:string // the company's name}}.

                Answer the customer's message below. Be brief. If you do not know something, say so.

                {{message:string // what the customer wrote}}
                """,
                system: "Be professional, courteous and helpful.",
                createdAt: epoch
            ),
            Version(
                """
                You are a helpful customer support agent for {{company:string // the company's name}}.

                Answer the customer's message below.

                1. Say in one sentence what you understood.
                2. Answer from the attached FAQ. Quote the number of the entry that you used.
                3. If the customer asks for a refund, do not promise one. Say that refunds are decided within
                   {{days:number // working days}} working days and ask for the order number.
                4. If the FAQ does not answer the question, say so and offer to pass it on to a person.

                Message:
                {{message:string // what the customer wrote}}
                """,
                system: """
                    Be professional, courteous and helpful. Never ask for passwords or card numbers.
                    Answer in the language of the customer's message.
                    """,
                critique: """
                    Score the answer from 1 to 5 on each line and give one reason for each:
                    - It answers the question that was asked.
                    - It promises nothing, no refund above all, that the FAQ does not.
                    - A tired, annoyed reader would still find it kind.
                    """,
                context: [productFAQ, knowledgeBase],
                createdAt: epoch + 12 * day
            ),
        ],
        draft: Version(
            """
            You are a customer support agent for {{company:string // the company's name}}.

            Decide first whether the message is a question, a complaint or a refund request, then answer it from
            the attached FAQ in at most {{sentences:number // upper limit}} sentences.

            Message:
            {{message:string // what the customer wrote}}
            """,
            system: "Be professional, courteous and helpful. Never ask for passwords or card numbers.",
            context: [productFAQ, knowledgeBase],
            createdAt: epoch + 30 * day
        )
    )

    private static let productFAQ = ContextItem.file(
        "product-faq.pdf",
        SampleFiles.pdf([
            "Product FAQ",
            "1. Where is my order? Orders leave our warehouse within two working days.",
            "2. How do I get a refund? Send us the order number within 30 days of delivery.",
            "3. How do I change my address? Under Account, Addresses, before the order has left.",
            "4. Do you deliver abroad? To the EU, Norway and Switzerland.",
        ]),
        label: "Product FAQ"
    )

    private static let knowledgeBase = ContextItem.url("https://example.com/kb", label: "Knowledge Base")

    private static let refundDecision = Prompt(
        "refund-decision",
        title: "Refund Decision",
        description: "Proposes whether to grant a refund, with the rule that decides",
        category: "support",
        tags: ["refunds", "policy"],
        createdAt: epoch + 2 * day,
        versions: [
            Version(
                """
                Decide whether this refund request is to be granted under the policy below.

                Policy:
                - Within 30 days of delivery and unused: full refund.
                - Damaged on arrival, reported within 7 days: full refund or replacement, the customer chooses.
                - Later than that: store credit of at most {{credit_limit:number // euros}} euros.

                Request: {{request:string // the customer's words}}
                Order: {{order:object // id, items, delivered_on, total}}

                Answer with JSON: {"decision": "grant" | "credit" | "refuse", "rule": "…", "reply": "…"}
                """,
                system: "You apply the policy as it is written. You never invent an exception.",
                createdAt: epoch + 2 * day
            ),
            Version(
                """
                Decide whether this refund request is to be granted under the policy below.

                Policy:
                - Within 30 days of delivery and unused: full refund.
                - Damaged on arrival, reported within 14 days: full refund or replacement, the customer chooses.
                - Later than that: store credit of at most {{credit_limit:number // euros}} euros.
                - More than {{review_limit:number // euros}} euros: a person decides. Say "review".

                Request: {{request:string // the customer's words}}
                Order: {{order:object // id, items, delivered_on, total}}

                Answer with JSON: {"decision": "grant" | "credit" | "refuse" | "review", "rule": "…", "reply": "…"}
                """,
                system: "You apply the policy as it is written. You never invent an exception.",
                critique: "Is the quoted rule the one that decides? Would the same facts give the same decision again?",
                createdAt: epoch + 20 * day
            ),
        ]
    )

    private static let releaseNotes = Prompt(
        "release-notes",
        title: "Release Notes",
        description: "Turns merged changes into notes that customers read",
        category: "engineering",
        tags: ["writing", "release"],
        createdAt: epoch + 4 * day,
        versions: [
            Version(
                """
                Write release notes for {{product:string}} {{version:string}} from the changes below.

                Group them under New, Better and Fixed. One line each, what the user can do now first. Leave out
                what no user can notice. Do not mention people or ticket numbers.

                {{changes:array // titles of merged pull requests}}
                """,
                createdAt: epoch + 4 * day
            ),
            Version(
                """
                Write release notes for {{product:string}} {{version:string}} from the changes below.

                Group them under New, Better, Fixed and Before you update. One line each, what the user can do
                now first. Leave out what no user can notice. Whatever needs an action by the administrator goes
                under Before you update, with the command to run. Do not mention people or ticket numbers.

                {{changes:array // titles of merged pull requests}}
                """,
                createdAt: epoch + 25 * day
            ),
            Version(
                """
                Write release notes for {{product:string}} {{version:string}} from the changes below, in the manner
                of the attached example.

                {{changes:array // titles of merged pull requests}}
                """,
                context: [
                    .file(
                        "example-notes.md",
                        .text(
                            "# Warehouse 4.2\n\n## New\n- Print labels for a whole shelf at once.\n\n## Fixed\n- Refunds show up in the daily report on the day they are made.\n"
                        ),
                        label: "Example"
                    ),
                    .file("logo.png", SampleFiles.logo),
                ],
                createdAt: epoch + 41 * day
            ),
        ]
    )

    private static let incidentReport = Prompt(
        "incident-report",
        title: "Incident Report",
        description: "A blameless report from a timeline and chat logs",
        category: "engineering",
        tags: ["operations", "writing"],
        createdAt: epoch + 6 * day,
        versions: [
            Version(
                """
                Write a blameless incident report from the timeline below.

                ## What happened
                ## Who noticed, and how
                ## Why it could happen
                ## What kept it from being worse
                ## What we change

                Write "the on-call engineer", never a name. Give times in UTC. Where the timeline has a gap, say so.

                {{timeline:string // lines of "HH:MM what happened"}}
                """,
                critique: "Could a reader find a person to blame in it? Then rewrite that sentence.",
                createdAt: epoch + 6 * day
            )
        ]
    )

    private static let salesEmail = Prompt(
        "sales-email",
        title: "Sales Email",
        category: "sales",
        tags: ["email"],
        createdAt: epoch + 7 * day,
        versions: [
            Version(
                "Write an email of at most 120 words to {{name:string}} about {{product:string}}.\n",
                createdAt: epoch + 7 * day
            ),
            Version(
                """
                Write an email of at most 90 words to {{name:string}}, {{role:string}} at {{company:string}}.

                Begin with what they said in the call: {{notes:string // notes from the call}}
                Offer one thing: {{product:string}}. End with one question that can be answered by yes or no.
                No superlatives, no "just checking in", no attachments.
                """,
                system: "You write as one person to another. You would be glad to get this email yourself.",
                createdAt: epoch + 18 * day
            ),
        ]
    )

    private static let callSummary = Prompt(
        "call-summary",
        title: "Call Summary",
        description: "What was said, what was promised, what happens next",
        category: "support",
        tags: ["audio", "summary"],
        createdAt: epoch + 9 * day,
        versions: [
            Version(
                """
                Summarise the call transcript below in three parts: what the customer wants, what we promised
                (word for word, with the minute), what happens next and who does it.

                {{transcript:string}}
                """,
                context: [
                    .file("hold-music.wav", SampleFiles.wav(seconds: 90), label: "Our hold music, to be left out"),
                    .file(
                        "abbreviations.csv",
                        .text("short,long\nRMA,return merchandise authorisation\nETA,estimated time of arrival\n")
                    ),
                ],
                createdAt: epoch + 9 * day
            )
        ]
    )

    // MARK: @alice

    private static let codeReviewer = Prompt(
        "code-reviewer",
        title: "Code Reviewer",
        description: "Reads a diff as a careful colleague would",
        category: "engineering",
        tags: ["code", "review"],
        createdAt: epoch + 3 * day,
        versions: [
            Version(
                "Review this diff. List bugs first, then anything hard to read.\n\n{{diff:string}}\n",
                createdAt: epoch + 3 * day
            ),
            Version(
                """
                Review this {{language:string}} diff.

                Report only what you would stop a merge for: wrong results, lost data, races, leaks, holes. For each:
                the line, an input that shows it, the smallest change that mends it. If there is nothing, say
                "Nothing that should stop this" and stop.

                {{diff:string // output of git diff -U10}}
                """,
                system: "You are a careful colleague. You do not comment on style that a formatter decides.",
                critique: "For every finding: does the input really lead there? Remove those that it does not.",
                createdAt: epoch + 15 * day
            ),
        ],
        draft: Version(
            """
            Review this {{language:string}} diff in two passes: what it promises, then where it breaks the promise.

            {{diff:string // output of git diff -U10}}
            """,
            createdAt: epoch + 33 * day
        )
    )

    private static let commitMessage = Prompt(
        "commit-message",
        title: "Commit Message",
        category: "engineering",
        tags: ["git", "writing"],
        createdAt: epoch + 5 * day,
        versions: [
            Version(
                """
                Write a commit message for the diff below: a subject in the imperative under 60 characters, an empty
                line, then why, wrapped at 72 columns. What the diff says already is left out.

                {{diff:string}}
                """,
                context: [.url("https://git-scm.com/docs/SubmittingPatches", label: "Submitting Patches")],
                createdAt: epoch + 5 * day
            )
        ]
    )

    private static let sqlExplainer = Prompt(
        "sql-explainer",
        title: "SQL Explainer",
        description: "Explains a query and its plan to somebody who did not write it",
        category: "data",
        tags: ["sql"],
        createdAt: epoch + 8 * day,
        draft: Version(
            """
            Explain what this {{dialect:string // postgres, sqlite, …}} query returns, in one paragraph without SQL
            words. Then say which line of the plan costs most and why.

            {{query:string}}

            {{plan:string // EXPLAIN (ANALYZE, BUFFERS)}}
            """,
            createdAt: epoch + 8 * day
        )
    )

    // MARK: @handbook

    private static let meetingMinutes = Prompt(
        "meeting-minutes",
        title: "Meeting Minutes",
        category: "office",
        tags: ["summary", "writing"],
        createdAt: epoch + day,
        versions: [
            Version(
                """
                Write minutes from the notes below: decisions first, then open questions, then who does what by when.

                Notes:
                {{notes:string}}
                """,
                createdAt: epoch + day
            ),
            Version(
                """
                Write minutes from the notes below.

                **Decisions**: one line each, in the words that were agreed on.
                **Open**: what was not decided, and what it waits for.
                **To do**: name, task, date. No date, no task: put it under Open.

                Notes of {{date:string}}, taken by {{author:string}}:
                {{notes:string}}
                """,
                createdAt: epoch + 22 * day
            ),
        ]
    )

    private static let interviewQuestions = Prompt(
        "interview-questions",
        title: "Interview Questions",
        category: "hiring",
        tags: ["hiring"],
        createdAt: epoch + 10 * day,
        versions: [
            Version(
                """
                Propose {{count:number}} interview questions for {{role:string}}. Each asks about something the person
                has done, not about what they would do. Add to each what a good answer contains.
                """,
                system: "Ask nothing about age, family, health, religion or origin.",
                createdAt: epoch + 10 * day
            )
        ]
    )

    private static let plainLanguage = Prompt(
        "plain-language",
        title: "Klartext / Plain Language",
        description: "Rewrites official letters so that everybody understands them – naïve, präzise, 簡潔",
        category: "writing",
        tags: ["writing", "accessibility"],
        createdAt: epoch + 11 * day,
        versions: [
            Version(
                """
                Rewrite the letter below in plain {{language:string // Deutsch, English, français, 日本語 …}}.

                Short sentences. The reader is “you”. What they must do, and by when, comes first. Keep every number,
                date and amount exactly: 1.234,56 € stays 1.234,56 €.

                {{letter:string}}
                """,
                createdAt: epoch + 11 * day
            )
        ]
    )
}
