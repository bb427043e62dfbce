/// A label with its probability.
public struct LabelProbability: Codable, Equatable, Sendable {
    public let label: String
    public let probability: Double
}

/// Classifies a text or a pair of texts: one label, several, or numbers.
public struct TextClassifier: Sendable {
    public enum Result: Equatable, Sendable {
        /// All labels, the likeliest first. With a sigmoid each stands for itself.
        case labels([LabelProbability])
        /// Of a regression.
        case values([Double])
    }

    private let model: TextModel
    private let activation: Activation
    private let labels: [String]

    /// - Throws: `TextModelsError`: the model was exported for another task, or model.json names
    ///   an unknown activation.
    public init(tokenizer: any Tokenizer, predictor: any ModelPredictor) throws {
        model = try TextModel(task: .classification, tokenizer: tokenizer, predictor: predictor)
        activation = try Activation(predictor.settings, default: .softmax)
        labels = predictor.settings.labels
    }

    /// - Parameter second: the second text of a pair, such as a hypothesis.
    /// - Throws: `TextModelsError` for an empty text or outputs that do not fit;
    ///   `CancellationError`; whatever the model throws.
    public func classify(
        _ text: String, _ second: String? = nil
    ) async throws -> TextReport<Result> {
        try await model.rows(of: "logits", [(text, second)]).map { rows in
            let values = activation.apply(rows[0])
            if activation == .identity { return .values(values) }
            return .labels(try named(values))
        }
    }

    /// Labels in words by a model that was trained on entailment (NLI): each becomes a hypothesis,
    /// and the probabilities are a softmax over the scores of entailment (Yin et al., arXiv
    /// 1909.00161). One label alone is weighed against its contradiction, as `transformers` does.
    ///
    /// - Throws: `TextModelsError.noEntailment`: the model has no such label; as `classify`.
    public func classify(
        _ text: String, among candidates: [String]
    ) async throws -> TextReport<[LabelProbability]> {
        guard let entailment = labels.firstIndex(where: { $0.lowercased().hasPrefix("entail") })
        else { throw TextModelsError.noEntailment(labels) }
        guard !candidates.isEmpty else { throw TextModelsError.emptyText }
        let pairs = candidates.map { (text, Optional("This example is \($0).")) }
        return try await model.rows(of: "logits", pairs).map { rows in
            guard rows.allSatisfy({ $0.count == labels.count }) else {
                throw TextModelsError.badOutput("it has other labels than model.json")
            }
            let contradiction = entailment == 0 ? labels.count - 1 : 0
            let weighed = rows.count == 1
                ? [rows[0][entailment], rows[0][contradiction]] : rows.map { $0[entailment] }
            let shares = Array(Activation.softmax.apply(weighed).prefix(rows.count))
            return ranking(shares).map {
                LabelProbability(label: candidates[$0], probability: shares[$0])
            }
        }
    }

    private func named(_ values: [Double]) throws -> [LabelProbability] {
        let names = labels.isEmpty ? values.indices.map(String.init) : labels
        guard names.count == values.count else {
            throw TextModelsError.badOutput(
                "\(values.count) numbers for the \(names.count) labels of model.json"
            )
        }
        return ranking(values).map { LabelProbability(label: names[$0], probability: values[$0]) }
    }
}
