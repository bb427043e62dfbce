import XCTest

@testable import TextModels

/// Equality with Python: `tokenizers` for ids and offsets, the kit's own decoding for answers.
final class ParityTests: XCTestCase {
    func testEveryIDAndOffsetEqualsPython() throws {
        for set in try GoldenSet.all() {
            for variant in ["uncased", "cased", "accents", "raw"] {
                try compareTexts(of: set, variant)
            }
        }
    }

    func testFeaturesAndAnswersEqualPython() throws {
        for set in try GoldenSet.all() {
            let tokenizer = try set.tokenizer()
            let rows = try set.rows("answers.jsonl", as: GoldenAnswers.self)
            var spans = 0
            for row in rows {
                let features = try featuresOf(row, tokenizer)
                let answers = try answersOf(row, features)
                compare(answers, with: row)
                spans += answers.count
            }
            XCTAssertFalse(rows.isEmpty)
            print("parity \(set.name)/answers: \(rows.count) questions, \(spans) spans")
        }
    }

    private func compareTexts(of set: GoldenSet, _ variant: String) throws {
        let rows = try set.rows("texts-\(variant).jsonl", as: GoldenText.self)
        compareTexts(rows, try set.tokenizer(variant), "\(set.name)/\(variant)")
    }

    private func featuresOf(_ row: GoldenAnswers, _ tokenizer: BertTokenizer) throws -> [Feature] {
        let builder = FeatureBuilder(
            tokenizer: tokenizer,
            classID: try XCTUnwrap(tokenizer.wordPiece.id(of: "[CLS]")),
            separatorID: try XCTUnwrap(tokenizer.wordPiece.id(of: "[SEP]")),
            maxLength: row.maxLength,
            docStride: row.docStride,
            maxQuestionLength: row.maxQuestionLength
        )
        let features = try builder.features(question: row.question, passage: row.passage)
        XCTAssertEqual(features.map(\.inputIDs), row.features.map(\.inputIDs))
        XCTAssertEqual(features.map(\.tokenTypeIDs), row.features.map(\.tokenTypeIDs))
        XCTAssertEqual(features.map(\.first), row.features.map(\.first))
        return features
    }

    private func answersOf(_ row: GoldenAnswers, _ features: [Feature]) throws -> [Answer] {
        try AnswerDecoder(
            nBest: row.nBest,
            maxAnswerLength: row.maxAnswerLength,
            nullThreshold: row.allowNull ? 0 : nil
        ).answers(
            passage: row.passage,
            features: features,
            logits: zip(row.start, row.end).map(SpanLogits.init)
        )
    }

    private func compare(_ answers: [Answer], with row: GoldenAnswers) {
        XCTAssertEqual(answers.map(\.range), row.answers.map { $0.start..<$0.end }, row.question)
        XCTAssertEqual(answers.map(\.score), row.answers.map(\.score))
        for (found, wanted) in zip(answers, row.answers) {
            XCTAssert(sameScalars(found.text, wanted.text))
            XCTAssertEqual(found.probability, wanted.probability, accuracy: 1e-12)
        }
    }
}
