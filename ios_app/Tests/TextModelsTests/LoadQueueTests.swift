import XCTest

@testable import TextModels

private struct Broken: Error {}

/// What happened, in order; and a gate that loads wait at.
private actor Log {
    private(set) var events: [String] = []
    private var isOpen = false

    func add(_ event: String) { events.append(event) }
    func open() { isOpen = true }

    func waitUntilOpen() async throws {
        while !isOpen { try await Task.sleep(for: .milliseconds(1)) }
    }

    func wait(for event: String) async throws {
        while !events.contains(event) { try await Task.sleep(for: .milliseconds(1)) }
    }
}

/// A queue whose loads tell the log.
private struct Loads: Sendable {
    let queue = LoadQueue<String, Int>()
    let log = Log()

    func load(_ key: String) async throws -> Int {
        let log = log
        return try await queue.value(
            for: key, report: { await log.add("\(key) \($0.rawValue)") }
        ) { report in
            await log.add("\(key) begins")
            await report(.loading)
            try await log.waitUntilOpen()
            await log.add("\(key) ends")
            return key.count
        }
    }
}

final class LoadQueueTests: XCTestCase {
    private let loads = Loads()
    private var log: Log { loads.log }

    func testOneLoadIsInFlightAtATimeInTheirOrder() async throws {
        let first = Task { [loads] in try await loads.load("a") }
        try await log.wait(for: "a loading")
        let second = Task { [loads] in try await loads.load("bb") }
        try await log.wait(for: "bb waiting")
        await log.open()
        let values = try await [first.value, second.value]
        XCTAssertEqual(values, [1, 2])
        let events = await log.events
        XCTAssertEqual(events, [
            "a begins", "a loading", "bb waiting", "a ends", "bb begins", "bb loading", "bb ends",
        ])
    }

    func testWhoeverAsksForTheSameWaitsForTheSameLoadAndItIsKept() async throws {
        let tasks = (0..<3).map { _ in Task { [loads] in try await loads.load("a") } }
        try await log.wait(for: "a loading")
        await log.open()
        for task in tasks { _ = try await task.value }
        _ = try await loads.load("a")
        let events = await log.events
        XCTAssertEqual(events.filter { $0 == "a begins" }.count, 1)
    }

    func testCancellingTheLastThatWaitsCancelsTheLoad() async throws {
        let tasks = (0..<2).map { _ in Task { [loads] in try await loads.load("a") } }
        try await log.wait(for: "a loading")
        tasks[0].cancel()
        try await Task.sleep(for: .milliseconds(20))
        tasks[1].cancel()
        for task in tasks {
            do {
                _ = try await task.value
                XCTFail("no error")
            } catch { XCTAssertTrue(error is CancellationError) }
        }
        // And the next to ask loads anew.
        await log.open()
        let value = try await loads.load("a")
        XCTAssertEqual(value, 1)
        let events = await log.events
        XCTAssertEqual(events.filter { $0 == "a begins" }.count, 2)
        XCTAssertEqual(events.filter { $0 == "a ends" }.count, 1)
    }

    func testOneWhoLeavesDoesNotCancelForTheOthers() async throws {
        let tasks = (0..<2).map { _ in Task { [loads] in try await loads.load("a") } }
        try await log.wait(for: "a loading")
        tasks[0].cancel()
        try await Task.sleep(for: .milliseconds(20))
        await log.open()
        let value = try await tasks[1].value
        XCTAssertEqual(value, 1)
    }

    func testAFailureIsNotKeptAndDoesNotHoldUpTheNext() async throws {
        do {
            _ = try await loads.queue.value(for: "a") { _ in throw Broken() }
            XCTFail("no error")
        } catch { XCTAssertTrue(error is Broken) }
        await log.open()
        let value = try await loads.load("a")
        XCTAssertEqual(value, 1)
    }

    func testWhatIsNoLongerWantedIsForgotten() async throws {
        await log.open()
        _ = try await loads.load("a")
        _ = try await loads.load("bb")
        await loads.queue.keep(only: ["bb"])
        _ = try await loads.load("a")
        _ = try await loads.load("bb")
        let events = await log.events
        XCTAssertEqual(events.filter { $0.hasSuffix("begins") }, [
            "a begins", "bb begins", "a begins",
        ])
    }

    func testOneModelCanBeForgotten() async throws {
        await log.open()
        _ = try await loads.load("a")
        _ = try await loads.load("bb")
        await loads.queue.forget { $0 == "bb" }
        _ = try await loads.load("a")
        _ = try await loads.load("bb")
        let events = await log.events
        XCTAssertEqual(events.filter { $0.hasSuffix("begins") }, [
            "a begins", "bb begins", "bb begins",
        ])
    }

    /// It does not come back into memory when its load ends after all.
    func testALoadThatIsForgottenMeanwhileIsNotKept() async throws {
        let task = Task { [loads] in try await loads.load("a") }
        try await log.wait(for: "a loading")
        await loads.queue.keep(only: [])
        await log.open()
        do {
            _ = try await task.value
            XCTFail("no error")
        } catch { XCTAssertTrue(error is CancellationError) }
        _ = try await loads.load("a")
        let events = await log.events
        XCTAssertEqual(events.filter { $0 == "a begins" }.count, 2)
    }
}
