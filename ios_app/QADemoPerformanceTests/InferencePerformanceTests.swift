import TextModels
import TextModelsCoreML
import XCTest

@testable import QADemo

/// Time and memory of one prediction and of one passage's tokens, as Xcode measures them.
@MainActor
final class InferencePerformanceTests: XCTestCase {
    private func bundle() throws -> ModelBundle {
        guard let bundle = ModelStore().bundles.first else {
            throw XCTSkip("no model in QADemo/Models; export one with --app")
        }
        return bundle
    }

    private var options: XCTMeasureOptions {
        let options = XCTMeasureOptions()
        options.iterationCount = 20
        return options
    }

    func testPredictionAtTheSmallestLength() async throws {
        try await measurePrediction { $0.min() }
    }

    func testPredictionAtTheGreatestLength() async throws {
        try await measurePrediction { $0.max() }
    }

    func testTokenization() throws {
        let tokenizer = try bundle().tokenizer()
        let passage = Sample.all.map(\.passage).joined(separator: " ")
        measure(metrics: [XCTClockMetric(), XCTMemoryMetric()], options: options) {
            _ = tokenizer.encode(passage)
        }
    }

    private func measurePrediction(at length: ([Int]) -> Int?) async throws {
        let bundle = try bundle()
        let tokens = try XCTUnwrap(length(bundle.settings.lengths))
        let predictor = try await CoreMLPredictor.load(bundle).predictor
        let input = ModelInput(filled: tokens, settings: bundle.settings)
        _ = try await predictor.predict(input)
        measure(metrics: [XCTClockMetric(), XCTMemoryMetric()], options: options) {
            let done = expectation(description: "predicted")
            Task.detached {
                do {
                    _ = try await predictor.predict(input)
                } catch {
                    XCTFail(error.localizedDescription)
                }
                done.fulfill()
            }
            wait(for: [done], timeout: 60)
        }
    }
}
