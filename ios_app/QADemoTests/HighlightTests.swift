import TextModels
import SwiftUI
import XCTest

@testable import QADemo

/// What is marked in the passage is the answer, in whole characters.
@MainActor
final class HighlightTests: XCTestCase {
    private func marked(_ passage: String, _ range: Range<Int>) -> [String] {
        let text = MarkedText.marked(passage, [range])
        return text.runs.filter(Self.isMarked).map { String(text[$0.range].characters) }
    }

    func testAnswerIsMarked() {
        XCTAssertEqual(marked("Lit at half past one.", 7..<20), ["half past one"])
    }

    func testHalfACharacterIsWidened() {
        XCTAssertEqual(marked("Cafe\u{301} 👍🏽", 3..<4), ["e\u{301}"])
        XCTAssertEqual(marked("Cafe\u{301} 👍🏽", 7..<8), ["👍🏽"])
    }

    func testPassageEditedMeanwhileIsLeftAlone() {
        XCTAssertEqual(marked("short", 9..<16), [])
        let plain = MarkedText.marked("short", [])
        XCTAssertFalse(plain.runs.contains(where: Self.isMarked))
    }

    private nonisolated static func isMarked(_ run: AttributedString.Runs.Run) -> Bool {
        run[AttributeScopes.SwiftUIAttributes.BackgroundColorAttribute.self] != nil
    }
}
