import TextModels
import XCTest

@testable import QADemo

@MainActor
final class AnswerSessionTests: XCTestCase {
    func testAppWithoutModelsSaysSo() {
        let nowhere = FileManager.default.temporaryDirectory.appendingPathComponent("none")
        let store = ModelStore(directory: nowhere)
        XCTAssertTrue(store.bundles.isEmpty)
        let session = AnswerSession(store: store)
        XCTAssertTrue(session.models.isEmpty)
        session.ask()
        XCTAssertTrue(session.outcomes.isEmpty)
        XCTAssertNil(session.best)
        XCTAssertTrue(BenchmarkSession(store: store).plan.steps.isEmpty)
    }

    /// Whatever model is in the app: it loads and answers from the passage.
    func testModelInTheAppAnswers() async throws {
        let store = try storeWithModel()
        let bundle = store.bundles[0]
        let answerer = try await store.answerer(for: bundle, on: .cpu)
        let sample = Sample.all[0]
        let report = try await answerer.answer(
            question: sample.questions[0], passage: sample.passage
        )
        let best = try XCTUnwrap(report.value.first)
        XCTAssertTrue(sample.passage.contains(best.text))
        XCTAssertGreaterThan(report.inferenceMilliseconds, 0)
    }

    /// Nor does a question that is still loading its model bring it back into memory.
    func testNoModelIsLoadedWhileABenchmarkRuns() async throws {
        let store = try storeWithModel()
        let loading = Task { try await store.answerer(for: store.bundles[0], on: .cpu) }
        await Task.yield()
        store.isMeasuring = true
        do {
            _ = try await loading.value
            XCTFail("no error")
        } catch {
            XCTAssertTrue(error is BenchmarkIsRunning)
        }
        store.isMeasuring = false
        _ = try await store.answerer(for: store.bundles[0], on: .cpu)
    }

    func testTheSameModelIsNotComparedWithItself() throws {
        let store = try storeWithModel()
        let session = AnswerSession(store: store)
        session.secondModel = session.firstModel
        XCTAssertEqual(session.models.count, 1)
    }

    private func storeWithModel() throws -> ModelStore {
        let store = ModelStore()
        if store.bundles.isEmpty {
            throw XCTSkip("no model in QADemo/Models; export one with --app")
        }
        return store
    }
}
