import Testing

@testable import ClaroAPI

struct TransferQueueTests {
    private func transfer(_ url: String, _ priority: Priority = .interactive, isStreamed: Bool = false) -> Transfer {
        Transfer(
            HTTPRequest(
                method: .get,
                url: url,
                key: nil,
                fields: [],
                body: isStreamed ? .streamed(onHead: { _ in true }, onBytes: { _ in true }) : .collected(bound: 1),
                priority: priority,
                isLocal: true,
                timeout: .seconds(1)
            )
        )
    }

    /// A queue of these; none may be turned away.
    private func queue(_ transfers: [Transfer]) -> TransferQueue {
        var queue = TransferQueue()
        for transfer in transfers {
            let isAccepted = queue.append(transfer)
            #expect(isAccepted)
        }
        return queue
    }

    private func popNext(_ queue: inout TransferQueue, under load: TransferQueue.Load = .init()) -> String? {
        queue.popNext(under: load)?.request.url
    }

    @Test func `interactive transfers go before background ones, each in order`() {
        var queue = queue([
            transfer("b1", .background), transfer("i1"), transfer("b2", .background), transfer("i2"),
        ])
        let order = (0..<5).map { _ in popNext(&queue) }
        #expect(order == ["i1", "i2", "b1", "b2", nil])
        #expect(queue.isEmpty)
    }

    @Test func `nothing starts while eighty are under way`() {
        var queue = queue([transfer("a")])
        let started = [80, 79].map { popNext(&queue, under: .init(count: $0)) }
        #expect(started == [nil, "a"])
    }

    @Test func `what nobody waits for leaves places to what somebody waits for`() {
        var queue = queue([transfer("ahead", .background), transfer("wanted")])
        let started = [64, 64, 63].map { popNext(&queue, under: .init(count: $0, backgroundCount: $0)) }
        #expect(started == ["wanted", nil, "ahead"])
    }

    @Test func `others pass downloads that must wait for downloads`() {
        var queue = queue([transfer("download", isStreamed: true), transfer("text", .background)])
        let started = [32, 32, 31].map { popNext(&queue, under: .init(count: $0, streamCount: $0)) }
        #expect(started == ["text", nil, "download"])
    }

    @Test func `what is removed is returned, even if the condition changes meanwhile`() {
        var queue = queue((0..<10).map { transfer("\($0)") })
        var askedCount = 0
        let removed = queue.removeAll { _ in
            askedCount += 1
            return askedCount % 3 == 0
        }
        #expect(askedCount == 10)
        #expect(removed.map(\.request.url) == ["2", "5", "8"])
        let left = (0..<8).map { _ in popNext(&queue) }
        #expect(left == ["0", "1", "3", "4", "6", "7", "9", nil])
    }

    @Test func `no more wait than make sense`() {
        var queue = queue((0..<TransferQueue.waitingBound).map { transfer("\($0)") })
        let isAccepted = queue.append(transfer("one more"))
        #expect(!isAccepted)
    }
}
