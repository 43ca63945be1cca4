import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// `.claro/metrics` beside what really happened.
struct MetricsTests {
    @Test func `each metric is what the server's log and the store say`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                fixture.emulator.inject(.status(500), on: .getPrompt, times: 1)
                try await mount.output(of: "cat @alice/code-reviewer/v1/content.md || true")
                try await mount.output(of: "cat @acme/customer-support/v2/content.md > /dev/null")
                try await mount.output(of: "cat @acme/customer-support/v2/context/product-faq.pdf > /dev/null")
                try await mount.output(of: "head -c 10 @acme/customer-support/v2/context/product-faq.pdf > /dev/null")
                try await mount.output(of: "cat @other/prompt/latest/content.md || true")
                let metrics = try Metrics(try await mount.output(of: "cat .claro/metrics"))

                let log = fixture.emulator.requests.entries
                let names: [(ClaroEmulator.Operation, String)] = [
                    (.getPrompt, "getPrompt"), (.listPrompts, "listPrompts"), (.downloadURL, "downloadURL"),
                    (.storage, "download"),
                ]
                for (operation, name) in names {
                    let sent = Dictionary(grouping: log.filter { $0.operation == operation }) { $0.status ?? 0 }
                    #expect(!sent.isEmpty)
                    for (status, entries) in sent {
                        let labels = "operation=\"\(name)\",outcome=\"\(status)\""
                        #expect(metrics["claro_api_requests_total{\(labels)}"] == entries.count, "\(labels)")
                    }
                }
                #expect(metrics.sum("claro_api_requests_total") == log.count)
                let toAPI = log.count { $0.operation != .storage }
                #expect(metrics.sum("claro_api_process_requests_total") == toAPI)
                #expect(metrics["claro_api_process_requests_total{process=\"mount.claro\"}"] == 1)
                #expect(metrics["claro_api_process_requests_total{process=\"cat\"}"] == toAPI - 1)
                #expect(metrics["claro_api_left{window=\"minute\"}"] == 1000 - toAPI)
                #expect(metrics["claro_api_left{window=\"hour\"}"] == 10_000 - toAPI)
                #expect(metrics["claro_api_in_flight"] == 0)
                #expect(metrics["claro_api_breaker_open"] == 0)
                #expect(metrics["claro_stale"] == 0)

                let posts = log.count { $0.operation == .getPrompt }
                let misses = metrics["claro_cache_misses_total{kind=\"version\"}"] ?? 0
                let latest = metrics["claro_cache_misses_total{kind=\"latest\"}"] ?? 0
                #expect(misses + latest == posts)
                #expect(metrics["claro_cache_misses_total{kind=\"attachment\"}"] == 1)
                #expect((metrics["claro_cache_hits_total{kind=\"version\"}"] ?? 0) > 0)
                let faq = try await mount.output(of: "stat -c %s @acme/customer-support/v2/context/product-faq.pdf")
                #expect(metrics["claro_cache_bytes{kind=\"attachments\"}"] == Int(faq.dropLast()))
                #expect((metrics["claro_cache_bytes{kind=\"texts\"}"] ?? 0) > 1000)
                #expect((metrics["claro_inodes"] ?? 0) > 4)
            }
        }
    }

    @Test func `promtool has nothing to say`() async throws {
        try await ClaroFixture.with { fixture async throws in
            try await fixture.mounted { mount async throws in
                try await mount.output(of: "cat @acme/customer-support/v2/content.md > /dev/null")
                let check = try await mount.output(of: "promtool check metrics < .claro/metrics 2>&1")
                #expect(check == "")
            }
        }
    }

    @Test func `the API's own word about the budget is believed`() async throws {
        var configuration = Emulator.Configuration()
        configuration.rateLimits = .init(perMinute: 500, perHour: 10_000)
        try await ClaroFixture.with(configuration: configuration) { fixture async throws in
            try await fixture.mounted { mount async throws in
                let metrics = try Metrics(try await mount.output(of: "cat .claro/metrics"))
                #expect(metrics["claro_api_budget_remaining"] == 499)
                #expect(metrics["claro_api_left{window=\"minute\"}"] == 499)
                #expect(metrics["claro_api_left{window=\"hour\"}"] == 9999)
            }
        }
    }
}

/// Samples of Prometheus' text format.
private struct Metrics {
    private let samples: [String: Int]

    init(_ text: String) throws {
        var samples: [String: Int] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let space = try #require(line.lastIndex(of: " "))
            let value: Int = try #require(Int(line[line.index(after: space)...]))
            samples[String(line[..<space])] = value
        }
        self.samples = samples
    }

    subscript(name: String) -> Int? { samples[name] }

    func sum(_ family: String) -> Int {
        samples.filter { $0.key.hasPrefix("\(family){") }.reduce(0) { $0 + $1.value }
    }
}
