import Foundation

/// A span of the passage as an answer.
public struct Answer: Equatable, Sendable {
    public let text: String
    /// In Unicode scalars of the passage; empty at 0 for "no answer".
    public let range: Range<Int>
    /// What the sum of its first and last token's logits is above that of "no answer" in its window.
    public let score: Double
    /// Share among the n best.
    public let probability: Double

    public init(text: String, range: Range<Int>, score: Double, probability: Double) {
        self.text = text
        self.range = range
        self.score = score
        self.probability = probability
    }
}

/// Scores of each position of a window as the first and the last token of the answer.
public struct SpanLogits: Equatable, Sendable {
    public let start: [Float]
    public let end: [Float]

    public init(start: [Float], end: [Float]) {
        self.start = start
        self.end = end
    }
}

/// Finds the best spans over all windows of a passage, as Python's `decode` does: the same spans
/// in the same order.
public struct AnswerDecoder: Sendable {
    public let nBest: Int
    /// Longest answer in tokens.
    public let maxAnswerLength: Int
    /// SQuAD v2.0: "no answer" comes first when it scores more than this above the best span.
    /// Nil: there always is an answer.
    public var nullThreshold: Double?

    /// Numbers below 1 are raised to it.
    public init(nBest: Int = 20, maxAnswerLength: Int = 30, nullThreshold: Double? = nil) {
        self.nBest = max(nBest, 1)
        self.maxAnswerLength = max(maxAnswerLength, 1)
        self.nullThreshold = nullThreshold
    }

    /// The best answers, best first; empty when the passage has no tokens.
    ///
    /// - Parameter logits: those of each feature, at least as long as its `inputIDs`.
    /// - Throws: `TextModelsError.badOutput`: too few, or not finite.
    public func answers(
        passage: String, features: [Feature], logits: [SpanLogits]
    ) throws -> [Answer] {
        guard features.count == logits.count else {
            throw TextModelsError.badOutput(
                "\(logits.count) results for \(features.count) windows"
            )
        }
        let length = passage.unicodeScalars.count
        var scores: [Range<Int>: Double] = [:]
        for (feature, found) in zip(features, logits) {
            try check(found, for: feature, passageLength: length)
            for (span, score) in spans(of: feature, found) {
                scores[span] = max(score, scores[span] ?? -.infinity)
            }
        }
        var ranked = scores.sorted(by: Self.isBetter).prefix(nBest).map { ($0.key, $0.value) }
        if let nullThreshold, ranked.first.map({ -$0.1 > nullThreshold }) ?? true {
            ranked.insert((0..<0, 0), at: 0)
        }
        return Self.withProbabilities(ranked, passage)
    }

    private func check(
        _ logits: SpanLogits, for feature: Feature, passageLength: Int
    ) throws {
        guard feature.offsets.allSatisfy({ $0.upperBound <= passageLength }) else {
            throw TextModelsError.badOutput("the windows are those of another passage")
        }
        guard min(logits.start.count, logits.end.count) >= feature.count else {
            throw TextModelsError.badOutput("fewer scores than tokens")
        }
        let finite = logits.start.prefix(feature.count).allSatisfy(\.isFinite)
            && logits.end.prefix(feature.count).allSatisfy(\.isFinite)
        guard finite else {
            throw TextModelsError.badOutput("some scores are not finite numbers")
        }
    }

    /// Spans of the `nBest` starts with the `nBest` ends.
    private func spans(of feature: Feature, _ logits: SpanLogits) -> [(Range<Int>, Double)] {
        let stop = feature.first + feature.offsets.count
        let noAnswer = Double(logits.start[0]) + Double(logits.end[0])
        let start = Array(logits.start[feature.first..<stop])
        let end = Array(logits.end[feature.first..<stop])
        let lasts = best(end)
        return best(start).flatMap { first in
            lasts.filter { first <= $0 && $0 - first < maxAnswerLength }.map { last in
                let low = feature.offsets[first].lowerBound
                let range = low..<max(low, feature.offsets[last].upperBound)
                return (range, Double(start[first]) + Double(end[last]) - noAnswer)
            }
        }
    }

    /// Positions of the highest scores; among equal ones the first come first.
    private func best(_ scores: [Float]) -> ArraySlice<Int> {
        scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(nBest)
    }

    private typealias Scored = (key: Range<Int>, value: Double)

    /// Higher scores first; among equal ones the earlier, then the shorter span.
    private static func isBetter(_ a: Scored, _ b: Scored) -> Bool {
        (-a.value, a.key.lowerBound, a.key.upperBound)
            < (-b.value, b.key.lowerBound, b.key.upperBound)
    }

    private static func withProbabilities(
        _ ranked: [(Range<Int>, Double)], _ passage: String
    ) -> [Answer] {
        guard let highest = ranked.map(\.1).max() else { return [] }
        let weights = ranked.map { exp($0.1 - highest) }
        let sum = weights.reduce(0, +)
        let ranges = ScalarRanges(passage)
        return zip(ranked, weights).map { ranked, weight in
            let (range, score) = ranked
            let text = String(passage.unicodeScalars[ranges.indices(range)])
            return Answer(text: text, range: range, score: score, probability: weight / sum)
        }
    }
}
