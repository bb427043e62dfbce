import XCTest

@testable import TextModels

/// Finds one word: its ids score high wherever they stand.
struct WordFinder: ModelPredictor {
    let settings: ModelSettings
    let wanted: [Int32]
    var milliseconds = 2.5

    func predict(_ input: ModelInput) async throws -> ModelOutputs {
        let ids = input.inputIDs
        let second = ids.lastIndex { $0 == settings.specialIDs.sep } ?? 0
        let passage = (ids.firstIndex(of: settings.specialIDs.sep) ?? 0)..<second
        let scores = { (id: Int32?) in
            Tensor(shape: [1, ids.count], scalars: ids.indices.map {
                ids[$0] == id && passage.contains($0) ? Float(9) : 0
            })
        }
        return ModelOutputs(
            tensors: [
                "start_logits": scores(wanted.first), "end_logits": scores(wanted.last),
            ],
            milliseconds: milliseconds
        )
    }
}

final class AnsweringTests: XCTestCase {
    private var folder: ModelFolder!
    private var bundle: ModelBundle!
    private var tokenizer: (any Tokenizer)!

    override func setUpWithError() throws {
        folder = try ModelFolder()
        bundle = try ModelBundle(directory: folder.directory)
        tokenizer = try bundle.tokenizer()
    }

    private func answerer(finding word: String) throws -> QuestionAnswerer {
        let wanted = tokenizer.encode(word).ids
        return try QuestionAnswerer(
            tokenizer: tokenizer, predictor: WordFinder(settings: bundle.settings, wanted: wanted)
        )
    }

    func testAnswerBeyondTheFirstWindowIsFound() async throws {
        let passage = String(repeating: "a b c d e f g h ", count: 12) + "漢 " + "x y z"
        let report = try await answerer(finding: "漢").answer(question: "z?", passage: passage)
        let best = try XCTUnwrap(report.value.first)
        XCTAssertEqual(best.text, "漢")
        XCTAssertEqual(best.range, 192..<193)
        XCTAssertEqual(best.score, 18)
        XCTAssertGreaterThan(report.lengths.count, 2)
        XCTAssertEqual(report.inferenceMilliseconds, 2.5 * Double(report.lengths.count))
    }

    func testShortPassageUsesTheSmallestLength() async throws {
        let report = try await answerer(finding: "b").answer(question: "a?", passage: "a b c")
        XCTAssertEqual(report.lengths, [16])
        XCTAssertEqual(report.value.first?.text, "b")
    }

    func testEmptyQuestionAndPassageAreRefused() async throws {
        let answerer = try answerer(finding: "b")
        for (question, passage, wanted) in [
            (" \n", "a", TextModelsError.emptyQuestion), ("a", "\t", .emptyPassage),
        ] {
            do {
                _ = try await answerer.answer(question: question, passage: passage)
                XCTFail("no error")
            } catch {
                XCTAssertEqual(error as? TextModelsError, wanted)
            }
        }
    }

    func testPassageOfInvisibleCharactersHasNoAnswer() async throws {
        let invisible = "\u{ad}\u{200d}"
        let report = try await answerer(finding: "b").answer(question: "a?", passage: invisible)
        XCTAssertTrue(report.value.isEmpty)
    }

    func testPaddingIsMasked() throws {
        let feature = try FeatureBuilder(tokenizer: tokenizer, settings: bundle.settings)
            .features(question: "a", passage: "b c")[0]
        let input = try ModelInput(feature, settings: bundle.settings)
        XCTAssertEqual(feature.count, 6)
        XCTAssertEqual(input.length, 16)
        XCTAssertEqual(input.inputIDs.dropFirst(6), ArraySlice(repeating: 0, count: 10))
        let mask = (0..<16).map { $0 < 6 ? Int32(1) : 0 }
        XCTAssertEqual(input.attentionMask, mask)
        XCTAssertEqual(input.tokenTypeIDs.prefix(6), [0, 0, 0, 1, 1, 1])
        XCTAssertThrowsError(try input.values(named: "position_ids"))
    }

    func testQuestionThatFillsTheWindowIsRefused() throws {
        let builder = FeatureBuilder(
            tokenizer: tokenizer, classID: 2, separatorID: 3, maxLength: 8, maxQuestionLength: 64
        )
        XCTAssertThrowsError(try builder.features(question: "a b c d e f", passage: "g")) {
            XCTAssertEqual($0 as? TextModelsError, .noRoomForPassage(length: 8))
        }
    }

    func testLogitsThatAreNotNumbersAreRefused() throws {
        let features = try FeatureBuilder(tokenizer: tokenizer, settings: bundle.settings)
            .features(question: "a", passage: "b")
        let count = features[0].count
        let zeros = [Float](repeating: 0, count: count)
        for bad in [Float.nan, .infinity] {
            let logits = SpanLogits(start: zeros, end: Array(zeros.dropLast()) + [bad])
            XCTAssertThrowsError(
                try AnswerDecoder().answers(passage: "b", features: features, logits: [logits])
            )
        }
        let short = SpanLogits(start: zeros, end: Array(zeros.dropLast()))
        XCTAssertThrowsError(
            try AnswerDecoder().answers(passage: "b", features: features, logits: [short])
        )
        XCTAssertThrowsError(
            try AnswerDecoder().answers(passage: "b", features: features, logits: [])
        )
    }

    func testNumbersOfAnySizeNeitherTrapNorHang() throws {
        for number in [Int.min, -1, 0, 1, 1 << 40, Int.max] {
            let builder = FeatureBuilder(
                tokenizer: tokenizer, classID: 2, separatorID: 3, maxLength: number,
                docStride: number, maxQuestionLength: number, pairSeparators: number
            )
            _ = try? builder.features(question: "a", passage: "b c d")
            _ = AnswerDecoder(nBest: number, maxAnswerLength: number)
            let input = ModelInput(filled: number, settings: bundle.settings)
            XCTAssertLessThanOrEqual(input.length, ModelSettings.mostTokens)
            _ = TextTemplate.classAndSeparator(2, 3, separators: number)
            XCTAssertEqual(Tensor(shape: [1, number, number], scalars: [0]).hasShape, number == 1)
            let plan = BenchmarkPlan(
                bundles: [bundle], computeUnits: [.cpu], lengths: [number, 16], warmUp: number,
                rounds: number, runsPerRound: number
            )
            XCTAssertGreaterThan(plan.predictions, 0)
        }
    }

    func testTooLongPassageIsRefused() async throws {
        let passage = String(repeating: "a ", count: 50_001)
        do {
            _ = try await answerer(finding: "b").answer(question: "a?", passage: passage)
            XCTFail("no error")
        } catch {
            XCTAssertEqual(
                error as? TextModelsError, .textTooLong(count: 100_002, limit: 100_000)
            )
        }
    }

    func testImpossibleNumbersNeitherTrapNorHang() throws {
        let builder = FeatureBuilder(
            tokenizer: tokenizer, classID: 2, separatorID: 3, maxLength: 16, docStride: 0,
            maxQuestionLength: -1, pairSeparators: 0
        )
        let passage = String(repeating: "a b c ", count: 20)
        let features = try builder.features(question: "a", passage: passage)
        let logits = features.map {
            SpanLogits(
                start: Array(repeating: 0, count: $0.count),
                end: Array(repeating: 0, count: $0.count)
            )
        }
        for (nBest, longest) in [(-1, Int.max), (0, 0), (Int.max, -5)] {
            let decoder = AnswerDecoder(nBest: nBest, maxAnswerLength: longest)
            XCTAssertFalse(
                try decoder.answers(passage: passage, features: features, logits: logits).isEmpty
            )
        }
        XCTAssertThrowsError(
            try AnswerDecoder().answers(passage: "b", features: features, logits: logits)
        ) { XCTAssertTrue($0.localizedDescription.contains("another passage"), "\($0)") }
        XCTAssertEqual(ModelInput(filled: -3, settings: bundle.settings).length, 1)
        XCTAssertEqual(String("ab"[ScalarRanges("ab").indices(1..<9)]), "b")
    }

    func testNoAnswerThresholdOfTheBundleIsUsed() async throws {
        let text = ModelFolder.settings.replacingOccurrences(
            of: "\"labels\": []", with: "\"labels\": [], \"no_answer_threshold\": -100"
        )
        let folder = try ModelFolder(settings: text)
        let settings = try ModelBundle(directory: folder.directory).settings
        let answerer = try QuestionAnswerer(
            tokenizer: tokenizer,
            predictor: WordFinder(settings: settings, wanted: tokenizer.encode("b").ids)
        )
        let report = try await answerer.answer(question: "a?", passage: "a b c")
        XCTAssertEqual(report.value.map(\.range).prefix(2), [0..<0, 2..<3])
    }
}
