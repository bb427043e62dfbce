import Foundation

/// Answers of one question with what they took.
public struct AnswerReport: Sendable {
    /// Best first; empty when the passage has no words.
    public let answers: [Answer]
    /// Text to tokens and windows.
    public let tokenizationMilliseconds: Double
    /// Neural inference alone, over all windows.
    public let inferenceMilliseconds: Double
    /// Padded length of each window in tokens.
    public let lengths: [Int]
}

/// Asks a model a question on a passage: windows, inference, the best spans.
public struct QuestionAnswerer: Sendable {
    public let predictor: any SpanPredictor
    private let builder: FeatureBuilder
    private let decoder: AnswerDecoder

    public init(tokenizer: any Tokenizer, predictor: any SpanPredictor, nBest: Int = 20) {
        self.predictor = predictor
        builder = FeatureBuilder(tokenizer: tokenizer, settings: predictor.settings)
        decoder = AnswerDecoder(
            nBest: nBest,
            maxAnswerLength: predictor.settings.maxAnswerLength,
            nullThreshold: predictor.settings.noAnswerThreshold
        )
    }

    /// - Throws: `TextModelsError` for an empty question or passage or a model that does not
    ///   fit; `CancellationError`; whatever the model throws.
    public func answer(question: String, passage: String) async throws -> AnswerReport {
        guard Self.hasWords(question) else { throw TextModelsError.emptyQuestion }
        guard Self.hasWords(passage) else { throw TextModelsError.emptyPassage }
        let start = DispatchTime.now().uptimeNanoseconds
        let features = try builder.features(question: question, passage: passage)
        let inputs = try features.map { try ModelInput($0, settings: predictor.settings) }
        let tokenization = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
        var predictions: [SpanPrediction] = []
        for input in inputs {
            try Task.checkCancellation()
            predictions.append(try await predictor.predict(input))
        }
        let answers = try decoder.answers(
            passage: passage, features: features, logits: predictions.map(\.logits)
        )
        return AnswerReport(
            answers: answers,
            tokenizationMilliseconds: tokenization,
            inferenceMilliseconds: predictions.map(\.milliseconds).reduce(0, +),
            lengths: inputs.map(\.length)
        )
    }

    private static func hasWords(_ text: String) -> Bool {
        !text.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty
    }
}
