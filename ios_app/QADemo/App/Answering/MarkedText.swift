import SwiftUI
import TextModels

/// Text with parts of it marked.
@MainActor
enum MarkedText {
    /// Colour alone does not tell: what is marked is underlined too. The types are spelt out
    /// because UIKit has attributes of the same names.
    ///
    /// - Parameter ranges: in Unicode scalars; those beyond the text are left out, halves of
    ///   characters are widened.
    static func marked(_ text: String, _ ranges: [Range<Int>]) -> AttributedString {
        var marked = AttributedString(text)
        let scalars = ScalarRanges(text)
        for range in ranges
        where !range.isEmpty && range.upperBound <= text.unicodeScalars.count {
            let characters = scalars.characters(range)
            guard let start = AttributedString.Index(characters.lowerBound, within: marked),
                let end = AttributedString.Index(characters.upperBound, within: marked)
            else { continue }
            marked[start..<end].backgroundColor = Color.yellow.opacity(0.35)
            marked[start..<end].underlineStyle = Text.LineStyle.single
        }
        return marked
    }
}

/// A passage with the answer marked in it.
struct HighlightedPassage: View {
    let passage: String
    let answer: Answer?

    var body: some View {
        Text(MarkedText.marked(passage, [answer?.range].compactMap { $0 }))
            .textSelection(.enabled)
            .accessibilityLabel("Passage")
            .accessibilityValue(spoken)
            .accessibilityIdentifier("passage")
    }

    /// The mark is not heard: the answer is said first.
    private var spoken: String {
        guard let answer, !answer.range.isEmpty else { return passage }
        return String(localized: "Marked: \(answer.text). \(passage)")
    }
}

struct HighlightedPassagePreviews: PreviewProvider {
    static var previews: some View {
        HighlightedPassage(
            passage: Sample.all[1].passage,
            answer: Answer(text: "half past one", range: 38..<51, score: 9, probability: 0.9)
        )
    }
}
