import TextModels
import XCTest

@testable import QADemo

@MainActor
final class AnswerSessionTests: XCTestCase {
    func testAppWithoutModelsSaysSo() {
        let nowhere = FileManager.default.temporaryDirectory.appendingPathComponent("none")
        let store = ModelStore(directories: [nowhere])
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
        let bundle = store.bundles(for: .questionAnswering)[0]
        let ready = try await store.model(for: bundle, LoadOptions(computeUnit: .cpu))
        let answerer = try QuestionAnswerer(
            tokenizer: ready.tokenizer, predictor: ready.predictor
        )
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
        let bundle = store.bundles(for: .questionAnswering)[0]
        let loading = Task { try await store.model(for: bundle) }
        await Task.yield()
        await store.beginMeasuring()
        do {
            _ = try await loading.value
            XCTFail("no error")
        } catch {
            XCTAssertTrue(error is BenchmarkIsRunning)
        }
        store.endMeasuring()
        _ = try await store.model(for: bundle)
    }

    func testTheSameModelIsNotComparedWithItself() throws {
        let store = try storeWithModel()
        let session = AnswerSession(store: store)
        session.secondModel = session.firstModel
        XCTAssertEqual(session.models.count, 1)
    }

    private func storeWithModel() throws -> ModelStore {
        let store = ModelStore()
        if store.bundles(for: .questionAnswering).isEmpty {
            throw XCTSkip("no model in QADemo/Models; export one with --app")
        }
        return store
    }
}
