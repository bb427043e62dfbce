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
        let tokenizer = try set.tokenizer(variant)
        let rows = try set.rows("texts-\(variant).jsonl", as: GoldenText.self)
        var (tokens, differences) = (0, 0)
        for (number, row) in rows.enumerated() {
            let found = tokenizer.encode(row.text)
            let offsets = zip(row.starts, row.ends).map { $0..<$1 }
            tokens += found.count
            guard found.ids != row.ids || found.offsets != offsets else { continue }
            differences += 1
            if differences <= 3 {
                XCTFail("\(set.name)/\(variant), text \(number): \(firstDifference(found, row))")
            }
        }
        XCTAssertFalse(rows.isEmpty)
        XCTAssertEqual(differences, 0)
        print("parity \(set.name)/\(variant): \(rows.count) texts, \(tokens) tokens, "
            + "\(differences) texts differ")
    }

    private func firstDifference(_ found: Encoding, _ row: GoldenText) -> String {
        let count = min(found.count, row.ids.count)
        let index = (0..<count).first {
            found.ids[$0] != row.ids[$0] || found.offsets[$0] != row.starts[$0]..<row.ends[$0]
        } ?? count
        let here = index < found.count
            ? "\(found.ids[index]) at \(found.offsets[index])" : "nothing"
        guard index < row.ids.count else { return "token \(index): \(here), Python has nothing" }
        let range = row.starts[index]..<row.ends[index]
        let scalars = Array(row.text.unicodeScalars)[range].map { String($0.value, radix: 16) }
        return "token \(index): \(here), Python has \(row.ids[index]) at \(range) \(scalars)"
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
