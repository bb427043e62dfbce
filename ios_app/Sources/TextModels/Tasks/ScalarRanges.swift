import Foundation

/// Turns ranges counted in Unicode scalars into ranges of a string's own indices.
public struct ScalarRanges: Sendable {
    private let text: String
    private let starts: [String.Index]

    public init(_ text: String) {
        self.text = text
        starts = Array(text.unicodeScalars.indices) + [text.endIndex]
    }

    /// The exact range; what lies outside of the text is cut off.
    public func indices(_ range: Range<Int>) -> Range<String.Index> {
        let range = range.clamped(to: 0..<(starts.count - 1))
        return starts[range.lowerBound]..<starts[range.upperBound]
    }

    /// The range widened to whole characters as the screen shows them: half a character cannot be
    /// highlighted.
    public func characters(_ range: Range<Int>) -> Range<String.Index> {
        guard !range.isEmpty else { return indices(range) }
        return text.rangeOfComposedCharacterSequences(for: indices(range))
    }
}
