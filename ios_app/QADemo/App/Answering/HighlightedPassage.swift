import TextModels
import SwiftUI

/// A passage with the answer marked in it.
struct HighlightedPassage: View {
    let passage: String
    let answer: Answer?

    var body: some View {
        Text(Self.marked(passage, answer))
            .textSelection(.enabled)
            .accessibilityLabel("Passage")
            .accessibilityValue(passage)
    }

    /// Colour alone does not tell: the answer is underlined too. The types are spelt out because
    /// UIKit has attributes of the same names.
    static func marked(_ passage: String, _ answer: Answer?) -> AttributedString {
        var text = AttributedString(passage)
        guard let answer, !answer.range.isEmpty,
            answer.range.upperBound <= passage.unicodeScalars.count
        else { return text }
        let range = ScalarRanges(passage).characters(answer.range)
        guard let start = AttributedString.Index(range.lowerBound, within: text),
            let end = AttributedString.Index(range.upperBound, within: text)
        else { return text }
        text[start..<end].backgroundColor = Color.yellow.opacity(0.35)
        text[start..<end].underlineStyle = Text.LineStyle.single
        return text
    }
}
