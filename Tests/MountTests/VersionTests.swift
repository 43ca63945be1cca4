import ClaroEmulator
import Foundation
import TestSupport
import Testing

/// Which versions a prompt's directory has, as no endpoint lists them.
struct VersionTests {
    private static func library(_ prompt: Workspace.Prompt) -> Workspace { ["acme": [prompt]] }

    @Test func `a version that turns out to be 404 disappears from the listing`() async throws {
        var archived = Workspace.Version("two")
        archived.isArchived = true
        let prompt = Workspace.Prompt("support", versions: [.init("one"), archived, .init("three")])
        let configuration = Emulator.Configuration { $0.archivedVersions = .notFound }
        try await MountFixture.with(Self.library(prompt), configuration: configuration) { mount async throws in
            #expect(try await mount.names("@acme/support") == ["latest", "v1", "v2", "v3"])
            #expect(try await mount.readError("@acme/support/v2/content.md") == .ENOENT)
            try await mount.waitUntil("v2 is listed still") { () async throws in
                try await mount.names("@acme/support") == ["latest", "v1", "v3"]
            }
            try await mount.waitUntil("v2 is there still") { () async throws in
                try await mount.lookupError("@acme/support/v2") == .ENOENT
            }
            #expect(mount.emulator.requests.count(of: .getPrompt) == 1)
        }
    }

    @Test func `a number above the newest that is known costs one request`() async throws {
        let prompt = Workspace.Prompt("support", versions: [.init("one"), .init("two")])
        let options = ["ttl=1h", "negative_ttl=1h"]
        try await MountFixture.with(Self.library(prompt), options: options) { mount async throws in
            mount.emulator.update { $0["acme", "support"]?.publish(.init("three")) }
            let there = try await mount.requestCount { () async throws in
                for _ in 1...2 { #expect(try await mount.text("@acme/support/v3/content.md") == "three") }
            }
            #expect(there == 1)
            let absent = try await mount.requestCount { () async throws in
                for _ in 1...2 { #expect(try await mount.lookupError("@acme/support/v4") == .ENOENT) }
            }
            #expect(absent == 1)
        }
    }

    @Test func `a draft is reachable by name always, and listed once it was seen`() async throws {
        let prompt = Workspace.Prompt("support", versions: [.init("one")], draft: .init("draft"))
        try await MountFixture.with(Self.library(prompt)) { mount async throws in
            #expect(try await mount.names("@acme/support") == ["latest", "v1"])
            #expect(try await mount.text("@acme/support/v0/content.md") == "draft")
            try await mount.waitUntil("v0 is not listed") { () async throws in
                try await mount.names("@acme/support") == ["latest", "v0", "v1"]
            }
        }
    }

    @Test func `a draft that the listing names is listed`() async throws {
        try await MountFixture.with { mount async throws in
            #expect(try await mount.names("@alice/sql-explainer") == ["v0"])
            #expect(try await mount.text("@alice/sql-explainer/v0/content.md").hasPrefix("Explain what this"))
        }
    }

    @Test func `a draft stays listed until it is a 404`() async throws {
        let prompt = Workspace.Prompt("support", versions: [.init("one")], draft: .init("draft"))
        let options = ["draft_ttl=100ms", "negative_ttl=100ms"]
        try await MountFixture.with(Self.library(prompt), options: options) { mount async throws in
            _ = try await mount.read("@acme/support/v0/content.md")
            mount.emulator.update { $0["acme", "support"]?.draft = nil }
            try await mount.waitUntil("the draft is there still") { () async throws in
                try await mount.lookupError("@acme/support/v0/content.md") == .ENOENT
            }
            try await mount.waitUntil("the draft is listed still") { () async throws in
                try await mount.names("@acme/support") == ["latest", "v1"]
            }
            mount.emulator.update { $0["acme", "support"]?.draft = .init("another") }
            try await mount.waitUntil("the new draft is not there") { () async throws in
                try await mount.readError("@acme/support/v0/content.md") == nil
            }
            #expect(try await mount.text("@acme/support/v0/content.md") == "another")
        }
    }

    @Test func `a prompt with nothing but a draft has no latest, and says so after one request`() async throws {
        try await MountFixture.with(options: ["ttl=1h", "negative_ttl=1h"]) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                for _ in 1...2 {
                    #expect(try await mount.lookupError("@alice/sql-explainer/latest") == .ENOENT)
                    #expect(try await mount.names("@alice/sql-explainer") == ["v0"])
                }
            }
            #expect(requests == 1)
            #expect(mount.emulator.requests.entries.last?.subject == "@alice/sql-explainer:latest")
        }
    }

    @Test func `where the listing names no version, one request for latest tells, and its body is kept`() async throws {
        let prompt = Workspace.Prompt("support", versions: [.init("one"), .init("two")])
        let configuration = Emulator.Configuration { $0.listingVersion = .absent }
        try await MountFixture.with(Self.library(prompt), configuration: configuration) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                #expect(try await mount.names("@acme/support") == ["latest", "v1", "v2"])
                #expect(try await mount.target(of: "@acme/support/latest") == "v2")
                #expect(try await mount.text("@acme/support/v2/content.md") == "two")
            }
            #expect(requests == 1)
        }
    }

    @Test func `where latest does not tell its number it is a directory, and versions have their names`() async throws {
        let prompt = Workspace.Prompt("support", versions: [.init("one"), .init("two")])
        let configuration = Emulator.Configuration {
            $0.listingVersion = .absent
            $0.latestVersion = .literal
        }
        try await MountFixture.with(Self.library(prompt), configuration: configuration) { mount async throws in
            #expect(try await mount.names("@acme/support") == ["latest"])
            #expect(try await mount.text("@acme/support/latest/content.md") == "two")
            #expect(mount.emulator.requests.count(of: .getPrompt) == 1)
            #expect(try await mount.text("@acme/support/v1/content.md") == "one")
            #expect(mount.emulator.requests.count(of: .getPrompt) == 2)
        }
    }

    @Test func `a number of versions that makes no sense is listed as ten thousand`() async throws {
        let overrides: [String: JSON?] = ["version": .string("v999999999")]
        let prompt = Workspace.Prompt("support", versions: [.init("one")], listingOverrides: overrides)
        try await MountFixture.with(Self.library(prompt)) { mount async throws in
            #expect(try await mount.names("@acme/support").count == 10_001)
            #expect(try await mount.lookupError("@acme/support/v10000") == nil)
        }
    }

    @Test func `a thousand versions are listed without a request`() async throws {
        let versions = (1...1000).map { Workspace.Version("text \($0)") }
        let prompt = Workspace.Prompt("support", versions: versions)
        try await MountFixture.with(Self.library(prompt)) { mount async throws in
            let requests = try await mount.requestCount { () async throws in
                #expect(try await mount.output(of: "ls -lv @acme/support | tail -n 1").hasSuffix(" v1000\n"))
                #expect(try await mount.names("@acme/support").count == 1001)
                #expect(try await mount.lookupError("@acme/support/v1000") == nil)
            }
            #expect(requests == 0)
            #expect(try await mount.text("@acme/support/v777/content.md") == "text 777")
        }
    }
}
