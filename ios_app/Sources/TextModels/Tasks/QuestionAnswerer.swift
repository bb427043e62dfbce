/// Answers of one question with what they took; best first, empty when the passage has no words.
public typealias AnswerReport = TextReport<[Answer]>

/// Asks a model a question on a passage: windows, inference, the best spans.
public struct QuestionAnswerer: Sendable {
    private let model: TextModel
    private let builder: FeatureBuilder
    private let decoder: AnswerDecoder

    /// The bundle's `no_answer_threshold` decides whether the first answer may be "none".
    ///
    /// - Throws: `TextModelsError.wrongTask`: the model was exported for another task.
    public init(
        tokenizer: any Tokenizer, predictor: any ModelPredictor, nBest: Int = 20
    ) throws {
        model = try TextModel(task: .questionAnswering, tokenizer: tokenizer, predictor: predictor)
        builder = FeatureBuilder(tokenizer: tokenizer, settings: predictor.settings)
        decoder = AnswerDecoder(
            nBest: nBest,
            maxAnswerLength: predictor.settings.maxAnswerLength,
            nullThreshold: predictor.settings.noAnswerThreshold
        )
    }

    /// - Throws: `TextModelsError` for an empty question or passage, one of more than 100,000
    ///   characters, or a model that does not fit; `CancellationError`; whatever the model throws.
    public func answer(question: String, passage: String) async throws -> AnswerReport {
        guard TextModel.hasWords(question) else { throw TextModelsError.emptyQuestion }
        guard TextModel.hasWords(passage) else { throw TextModelsError.emptyPassage }
        try TextModel.checkLength(question, passage)
        var features: [Feature] = []
        return try await model.report {
            features = try builder.features(question: question, passage: passage)
            return try features.map { try ModelInput($0, settings: model.settings) }
        } read: { outputs in
            let logits = try outputs.map {
                SpanLogits(start: try $0.row("start_logits"), end: try $0.row("end_logits"))
            }
            return try decoder.answers(passage: passage, features: features, logits: logits)
        }
    }
}
