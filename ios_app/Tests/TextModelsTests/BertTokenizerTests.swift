import XCTest

@testable import TextModels

final class BertTokenizerTests: XCTestCase {
    private func tokenizer(_ entries: String, lowercase: Bool = true) throws -> BertTokenizer {
        let lines = (["[PAD]", "[UNK]", "[SEP]"] + entries.split(separator: " ").map(String.init))
            .map { $0 + "\n" }.joined()
        return BertTokenizer(
            normalizer: BertNormalizer(lowercase: lowercase),
            wordPiece: try WordPiece(vocabulary: Data(lines.utf8)),
            addedTokens: [("[SEP]", 2)]
        )
    }

    func testLongestPieceWins() throws {
        let encoding = try tokenizer("un aff ##aff ##able ##a unaff").encode("Unaffable")
        XCTAssertEqual(encoding.ids, [8, 6])
        XCTAssertEqual(encoding.offsets, [0..<5, 5..<9])
        XCTAssertEqual(encoding.words, [0, 0])
    }

    func testWordWithoutPiecesIsOneUnknownToken() throws {
        let encoding = try tokenizer("un ##able").encode("unbelievable un")
        XCTAssertEqual(encoding.ids, [1, 3])
        XCTAssertEqual(encoding.offsets, [0..<12, 13..<15])
    }

    func testCanonicallyEquivalentEntriesStayApart() throws {
        let precomposed = "\u{e9}", decomposed = "e\u{301}"
        XCTAssertEqual(precomposed, decomposed)
        let vocabulary = "[UNK]\n\(precomposed)\n\(decomposed)\n"
        let wordPiece = try WordPiece(vocabulary: Data(vocabulary.utf8))
        XCTAssertEqual(wordPiece.id(of: precomposed), 1)
        XCTAssertEqual(wordPiece.id(of: decomposed), 2)
    }

    func testOffsetsCountScalarsNotCharacters() throws {
        // The family is five scalars in one character.
        let text = "👩\u{200d}👩\u{200d}👧 e\u{301}a!"
        let encoding = try tokenizer("ea !").encode(text)
        XCTAssertEqual(encoding.ids, [1, 3, 4])
        XCTAssertEqual(encoding.offsets, [0..<5, 6..<9, 9..<10])
    }

    func testRangesOfTheStringItself() throws {
        let text = "x e\u{301}a 👍🏽!"
        let ranges = ScalarRanges(text)
        XCTAssertTrue(sameScalars(text[ranges.indices(2..<5)], "e\u{301}a"))
        // Half a character is widened to a whole one.
        XCTAssertTrue(sameScalars(text[ranges.characters(2..<3)], "e\u{301}"))
        XCTAssertTrue(sameScalars(text[ranges.characters(7..<8)], "👍🏽"))
        XCTAssertEqual(ranges.characters(0..<0), text.startIndex..<text.startIndex)
    }

    func testSpecialTokensInTextAreTaken() throws {
        let encoding = try tokenizer("a b [ sep ]").encode("a[SEP]b [sep]")
        XCTAssertEqual(encoding.ids, [3, 2, 4, 5, 6, 7])
        XCTAssertEqual(encoding.words, [0, 1, 2, 3, 4, 5])
        XCTAssertEqual(encoding.offsets.prefix(3), [0..<1, 1..<6, 6..<7])
    }

    func testCanonicallyEquivalentTextsHaveEqualIDs() throws {
        let tokenizer = try GoldenSet.committed().tokenizer()
        for text in ["Café Ångström", "각 힣", "ΐ ὓ ᾳ", "ক\u{9cb}", "q\u{307}\u{323}"] {
            let composed = tokenizer.encode(text.precomposedStringWithCanonicalMapping)
            let decomposed = tokenizer.encode(text.decomposedStringWithCanonicalMapping)
            XCTAssertEqual(composed.ids, decomposed.ids, text)
        }
    }

    func testVocabularyWithoutUnknownTokenIsRefused() {
        XCTAssertThrowsError(try WordPiece(vocabulary: Data("a\nb\n".utf8))) {
            XCTAssertEqual($0 as? TextModelsError, .badVocabulary("it has no [UNK]"))
        }
        XCTAssertThrowsError(try WordPiece(vocabulary: Data([0xff, 0xfe, 0x0a]))) {
            XCTAssertEqual($0 as? TextModelsError, .badVocabulary("it is not UTF-8 text"))
        }
    }

    func testOtherTokenizersAreRefused() throws {
        let set = try GoldenSet.committed()
        let good = String(decoding: try set.data("tokenizer.json"), as: UTF8.self)
        for (part, other) in [
            ("\"BertNormalizer\"", "\"Lowercase\""),
            ("\"BertPreTokenizer\"", "\"Whitespace\""),
            ("\"WordPiece\"", "\"Unigram\""),
            ("\"lstrip\": false", "\"lstrip\": 0"),
            ("\"added_tokens\"", "\"other_tokens\""),
            ("{", ""),
        ] {
            let bad = Data(good.replacingOccurrences(of: part, with: other).utf8)
            XCTAssertThrowsError(
                try BertTokenizer(tokenizerJSON: bad, vocabulary: set.data("vocab.txt")), part
            ) { XCTAssertTrue($0.localizedDescription.hasPrefix("tokenizer.json"), "\($0)") }
        }
    }
}
