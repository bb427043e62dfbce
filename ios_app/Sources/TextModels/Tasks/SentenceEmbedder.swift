/// A sentence and how near it is.
public struct Neighbour: Codable, Equatable, Sendable {
    public let text: String
    public let similarity: Double
}

/// How near two embeddings are; the raw value stands in model.json.
public enum Similarity: String, Sendable {
    case cosine
    case dot

    /// - Returns: NaN for the cosine with a vector of zeros.
    public func of(_ first: [Float], _ second: [Float]) -> Double {
        let product = Self.product(first, second)
        guard self == .cosine else { return product }
        let lengths = Self.product(first, first).squareRoot()
            * Self.product(second, second).squareRoot()
        return product / lengths
    }

    private static func product(_ first: [Float], _ second: [Float]) -> Double {
        zip(first, second).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
}

/// One vector for each sentence. Pooling and normalising are in the package.
public struct SentenceEmbedder: Sendable {
    public let similarity: Similarity
    private let model: TextModel

    /// - Throws: `TextModelsError`: the model was exported for another task, or model.json names
    ///   an unknown similarity.
    public init(tokenizer: any Tokenizer, predictor: any ModelPredictor) throws {
        model = try TextModel(task: .embedding, tokenizer: tokenizer, predictor: predictor)
        let name = predictor.settings.similarity ?? Similarity.cosine.rawValue
        guard let named = Similarity(rawValue: name) else {
            throw TextModelsError.badFile(
                name: "model.json", reason: "“similarity” is \(name) (expected cosine or dot)"
            )
        }
        similarity = named
    }

    /// The vectors of sentences, in their order.
    ///
    /// - Throws: `TextModelsError` for an empty sentence or outputs that do not fit;
    ///   `CancellationError`; whatever the model throws.
    public func embed(_ sentences: [String]) async throws -> TextReport<[[Float]]> {
        try await model.rows(of: "embedding", sentences.map { ($0, nil) })
    }

    /// Embeds sentences once, to look in them often.
    public func index(_ sentences: [String]) async throws -> SentenceIndex {
        let vectors = try await embed(sentences).value
        return SentenceIndex(sentences: sentences, vectors: vectors, similarity: similarity)
    }
}

/// Sentences with their vectors.
public struct SentenceIndex: Sendable {
    public let sentences: [String]
    private let vectors: [[Float]]
    private let similarity: Similarity

    init(sentences: [String], vectors: [[Float]], similarity: Similarity) {
        self.sentences = sentences
        self.vectors = vectors
        self.similarity = similarity
    }

    /// The nearest sentences, the nearest first; all of them are compared.
    public func nearest(to vector: [Float], count: Int = 1) -> [Neighbour] {
        let nearness = vectors.map { similarity.of(vector, $0) }
        return ranking(nearness).prefix(max(count, 1)).map {
            Neighbour(text: sentences[$0], similarity: nearness[$0])
        }
    }
}
