extension Workspace {
    package static let sample: Workspace = [
        "acme": [Prompt("customer-support", versions: [.init("one"), .init("two")], draft: .init("three"))]
    ]
}
