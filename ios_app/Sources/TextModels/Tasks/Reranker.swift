/// A passage and its score for a query.
public struct ScoredPassage: Codable, Equatable, Sendable {
    public let text: String
    public let score: Double
}

/// Orders passages by what they say on a query: a cross-encoder.
public struct Reranker: Sendable {
    private let model: TextModel
    private let activation: Activation

    /// - Throws: `TextModelsError`: the model was exported for another task, or model.json names
    ///   an unknown activation.
    public init(tokenizer: any Tokenizer, predictor: any ModelPredictor) throws {
        model = try TextModel(task: .ranking, tokenizer: tokenizer, predictor: predictor)
        activation = try Activation(predictor.settings, default: .identity)
    }

    /// The passages, the best first.
    ///
    /// - Throws: `TextModelsError` for an empty query, no passages or outputs that do not fit;
    ///   `CancellationError`; whatever the model throws.
    public func rank(
        _ passages: [String], for query: String
    ) async throws -> TextReport<[ScoredPassage]> {
        guard !passages.isEmpty else { throw TextModelsError.emptyPassage }
        return try await model.rows(of: "logits", passages.map { (query, $0) }).map { rows in
            guard rows.allSatisfy({ $0.count == 1 }) else {
                throw TextModelsError.badOutput("it has more than one score for a passage")
            }
            let scores = activation.apply(rows.map { $0[0] })
            return ranking(scores).map {
                ScoredPassage(text: passages[$0], score: scores[$0])
            }
        }
    }
}
