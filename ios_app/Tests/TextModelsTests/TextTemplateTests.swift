import XCTest

@testable import TextModels

final class TextTemplateTests: XCTestCase {
    /// What `tokenizers` keeps of two texts with `longest_first`; three special tokens.
    func testOfAPairTheLongerTextIsCutFirst() {
        for (first, second, longest, kept) in [
            (5, 9, 20, [5, 9]), (5, 9, 12, [4, 5]), (9, 5, 12, [5, 4]), (9, 9, 12, [4, 5]),
            (3, 40, 12, [3, 6]), (40, 3, 12, [6, 3]), (9, 8, 8, [3, 2]), (1, 1, 3, [0, 0]),
            (0, 9, 8, [0, 5]),
        ] {
            let found = TextTemplate.counts(first, second, room: longest - 3)
            XCTAssertEqual([found.first, found.second], kept, "\(first), \(second), \(longest)")
        }
        XCTAssertEqual(TextTemplate.counts(7, nil, room: 5).first, 5)
        XCTAssertEqual(TextTemplate.counts(7, 9, room: nil).second, 9)
    }

    func testTextsAreJoinedWithSpecialTokens() throws {
        let tokenizer = try GoldenSet.committed().tokenizer()
        let (start, end) = (tokenizer.id(of: "[CLS]"), tokenizer.id(of: "[SEP]"))
        let pair = tokenizer.sequence("a b", "c d e", longest: 7)
        XCTAssertEqual([pair.ids.first, pair.ids[3], pair.ids.last], [start, end, end])
        XCTAssertEqual(pair.typeIDs, [0, 0, 0, 0, 1, 1, 1])
        XCTAssertEqual(pair.texts, [nil, 0, 0, nil, 1, 1, nil])
        XCTAssertEqual(pair.offsets, [0..<0, 0..<1, 2..<3, 0..<0, 0..<1, 2..<3, 0..<0])
        XCTAssertEqual(pair.words, [nil, 0, 1, nil, 0, 1, nil])
        XCTAssertEqual(tokenizer.sequence("a b").texts, [nil, 0, 0, nil])
        XCTAssertEqual(tokenizer.sequence("a b", longest: 1).ids, [start, end])
    }
}
