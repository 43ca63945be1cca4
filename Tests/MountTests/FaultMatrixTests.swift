import ClaroEmulator
import Foundation
import RegexBuilder
import TestSupport
import Testing

/// Every fault, in every system call, for what was fetched before and for what was not.
///
/// One mount serves all of a fault's cells, at the same time, as it would serve programs. A second one, on which nothing
/// was ever fetched, is for the listing. `scripts/matrix` prints what was seen as a table.
struct FaultMatrixTests {
    /// What a system call came to, and how long it took.
    struct Observation: Sendable {
        let result: Result<String, POSIXError>
        let wait: Duration
    }

    @Test(arguments: MatrixFault.all)
    func `each fault has its errno in each system call, and what was fetched before is served`(
        _ fault: MatrixFault
    ) async throws {
        try await MatrixTable.places.take {
            try await ScratchDirectory.with { scratch in
                let emulator = try await Emulator.start(MatrixOperation.library)
                let route = try await FaultRoute(fault, to: emulator, in: scratch)
                try await expectMatrix(fault, route)
                try await route.close()
                await emulator.stop()
            }
        }
    }

    private func expectMatrix(_ fault: MatrixFault, _ route: FaultRoute) async throws {
        var before: [MatrixCell: Observation] = [:]
        if fault.isNameless {
            try await route.start().run { mount async throws in before = try await fetch(fault.cells, mount) }
            try await route.begin(fault)
        }
        try await route.start().run { mount async throws in
            if !fault.isNameless { before = try await fetch(fault.cells, mount) }
            let draft = "\(mount.path)/@acme/\(MatrixOperation.getattr.slug(isCached: true))/v0"
            let directory = try await offPool { try check(open(draft, O_RDONLY | O_DIRECTORY)) }
            defer { close(directory) }
            route.emulator.update(MatrixOperation.change)
            let (during, looks) = try await RootWatch.look(at: mount.path) {
                if !fault.isNameless { try await route.begin(fault) }
                var during = try await observe(fault.cells, mount, directory)
                if !fault.isOfStorage { during[.strangersListing] = try await observeStrangersListing(fault, route) }
                return during
            }
            let marks = try await mount.stale()
            let draftMark = try await mount.draftMark()
            try await expectLog(of: fault, mount)
            route.emulator.clearFaults()
            let after = fault.uncached == .current ? try await observe(fault.cells, mount, directory) : [:]
            var outcomes: [MatrixCell: MatrixFault.Outcome] = [:]
            for (cell, seen) in during {
                let outcome = outcome(of: seen, before[cell], after[cell])
                outcomes[cell] = outcome
                #expect(outcome == fault.outcome(of: cell), "\(cell): \(seen)")
                guard outcome == .served, let subject = cell.operation.staleSubject else { continue }
                #expect(marks[subject] != nil, "\(cell): only \(marks) are marked")
            }
            #expect((draftMark != nil) == (outcomes[MatrixCell(.getxattr, isCached: true)] == .served))
            let longestWait = during.values.map(\.wait).max() ?? .zero
            #expect(longestWait < MatrixTable.bound(of: fault))
            try MatrixTable.add(fault, outcomes, longestWait: longestWait, looks)
            try await expectRecovery(from: fault, before, mount, directory)
        }
    }

    // MARK: Looking

    /// Has everything fetched that is to be known, and that without which a new attachment could not be opened.
    private func fetch(_ cells: [MatrixCell], _ mount: MountFixture) async throws -> [MatrixCell: Observation] {
        _ = try await mount.status("@acme/\(MatrixOperation.read.slug(isCached: false))/v1/content.md")
        return try await observe(cells.filter(\.isCached), mount, nil)
    }

    /// Makes the cells' calls, all at the same time. `directory` is that of the draft whose attributes are asked for.
    private func observe(
        _ cells: [MatrixCell],
        _ mount: MountFixture,
        _ directory: Int32?
    ) async throws -> [MatrixCell: Observation] {
        let root = mount.path
        return try await withThrowingTaskGroup(of: (MatrixCell, Observation).self) { group in
            for cell in cells {
                let place = MatrixOperation.Place(
                    root: root,
                    isCached: cell.isCached,
                    directory: cell.isCached ? directory : nil
                )
                group.addTask { (cell, try await offPool { try observe(cell.operation, place) }) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    private func observe(_ operation: MatrixOperation, _ place: MatrixOperation.Place) throws -> Observation {
        let start = ContinuousClock.now
        let result: Result<String, POSIXError>
        do {
            result = .success(try operation.call(place))
        } catch let error as POSIXError {
            result = .failure(error)
        }
        return Observation(result: result, wait: .now - start)
    }

    /// The listing of a mount that never had one.
    private func observeStrangersListing(_ fault: MatrixFault, _ route: FaultRoute) async throws -> Observation? {
        var observation: Observation?
        try await route.start(at: "stranger", ["lazy", "cache=none"]).run { mount async throws in
            observation = try await observe([.strangersListing], mount, nil)[.strangersListing]
            try await expectLog(of: fault, mount)
        }
        return observation
    }

    /// nil: neither an error nor what was or is there.
    private func outcome(
        of seen: Observation,
        _ before: Observation?,
        _ after: Observation?
    ) -> MatrixFault.Outcome? {
        switch seen.result {
        case .failure(let error): .fails(error.code)
        case .success(let value) where value == (try? before?.result.get()): .served
        case .success(let value) where value == (try? after?.result.get()): .current
        case .success: nil
        }
    }

    // MARK: Expecting

    /// One line for each kind of request that failed, which names a thing and the cause.
    private func expectLog(of fault: MatrixFault, _ mount: MountFixture) async throws {
        if let log = fault.log {
            try await eventually("\(log) is not logged") { mount.daemon.standardError.contains(log) }
        }
        let failures = mount.daemon.standardError.split(separator: "\n").filter { $0.contains(" failed: ") }
        let thing = #/(getting @acme/[a-z-]+:(v[01]|latest)|listing prompts, page 1|(locating|downloading) \S+)/#
        let form = Regex {
            "warning: "
            thing
            " failed: "
            OneOrMore(.any)
        }
        for failure in failures {
            // That the listing is 404 is a fault, though other names that are not there are none.
            let cause = fault.log ?? (failure.contains(" prompts, page 1 ") ? "404: " : "nothing")
            // What is not even sent while the API has forbidden it says so.
            let isHeldBack = cause == "429: " && failure.contains("the rate limit is used up for another ")
            #expect(failure.wholeMatch(of: form) != nil && (failure.contains(cause) || isHeldBack), "\(failure)")
        }
        let verbs = failures.map { $0.split(separator: " ")[1] }
        #expect(Set(verbs).count == verbs.count, "one cause is logged more than once: \(failures)")
    }

    /// When the fault is over and nothing is held back any more, all is as it should be, and nothing is marked.
    private func expectRecovery(
        from fault: MatrixFault,
        _ before: [MatrixCell: Observation],
        _ mount: MountFixture,
        _ directory: Int32
    ) async throws {
        let api = try #require(try await mount.report()["api"] as? [String: Any])
        guard fault.isOfStorage || fault.isAnsweredByAPI && api["breaker"] as? String == "closed" else { return }
        mount.daemon.signal(SIGHUP)
        try await eventually("the end of the fault is seen") {
            let now = try await observe(fault.cells, mount, directory)
            guard try await mount.stale().isEmpty, try await mount.draftMark() == nil else { return false }
            return now.allSatisfy { cell, observation in
                guard case .success(let value) = observation.result else { return false }
                // A draft that was gone and came back has the times of one that was never seen.
                let canChange = cell.operation.staleSubject != nil && cell.operation != .getattr
                return !canChange || value != (try? before[cell]?.result.get())
            }
        }
    }
}

extension MountFixture {
    /// What the draft of the column `getxattr` says of being stale.
    fileprivate func draftMark() async throws -> String? {
        let file = "@acme/\(MatrixOperation.getxattr.slug(isCached: true))/v0/content.md"
        guard try await lookupError(file) == nil else { return nil }
        return try await extendedAttribute("user.claro.stale", of: file)
    }
}

extension MatrixCell {
    /// What a mount without any listing is asked for.
    fileprivate static let strangersListing = MatrixCell(.listing, isCached: false)
}
