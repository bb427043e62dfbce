import Foundation

/// What a bundle of any task says: JSON with the keys of Python's `predict`, and lines for a
/// terminal.
public struct TaskAnswer: Encodable, Sendable {
    public let lines: [String]
    public let inferenceMilliseconds: Double
    public let tokenizationMilliseconds: Double
    private let content: any Encodable & Sendable

    enum CodingKeys: String, CodingKey {
        case inferenceMilliseconds = "neural_ms"
        case tokenizationMilliseconds = "tokenization_ms"
    }

    init<Value>(
        _ report: TextReport<Value>, _ content: any Encodable & Sendable, lines: [String]
    ) {
        self.content = content
        self.lines = lines
        inferenceMilliseconds = report.inferenceMilliseconds
        tokenizationMilliseconds = report.tokenizationMilliseconds
    }

    public func encode(to encoder: any Encoder) throws {
        try content.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(inferenceMilliseconds, forKey: .inferenceMilliseconds)
        try container.encode(tokenizationMilliseconds, forKey: .tokenizationMilliseconds)
    }

    /// One line of JSON.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

extension TextTask {
    typealias Answerer = @Sendable (
        TaskRequest, any Tokenizer, any ModelPredictor
    ) async throws -> TaskAnswer

    /// The one table of tasks: how a request of each is answered.
    static let answerers: [TextTask: Answerer] = [
        .questionAnswering: answerQuestion,
        .classification: classify,
        .tokens: findEntities,
        .ranking: rank,
        .embedding: embed,
    ]

    /// Asks a model whatever its task is.
    ///
    /// - Throws: `TextModelsError`: the task is not in the table, it does not take what is asked,
    ///   or the outputs do not fit; whatever the model throws.
    public static func answer(
        _ request: TaskRequest, tokenizer: any Tokenizer, predictor: any ModelPredictor
    ) async throws -> TaskAnswer {
        let name = predictor.settings.task
        guard let answerer = TextTask(rawValue: name).flatMap({ answerers[$0] }) else {
            let known = allCases.map(\.rawValue).joined(separator: ", ")
            throw TextModelsError.wrongTask(name, expected: known)
        }
        return try await answerer(request, tokenizer, predictor)
    }

    @Sendable
    private static func answerQuestion(
        _ request: TaskRequest, _ tokenizer: any Tokenizer, _ predictor: any ModelPredictor
    ) async throws -> TaskAnswer {
        struct Content: Encodable { let question: String, answers: [Answer], windows: Int }
        guard let passage = request.passage else { throw TextModelsError.emptyPassage }
        let answerer = try QuestionAnswerer(
            tokenizer: tokenizer, predictor: predictor, nBest: max(request.nBest, 20)
        )
        let report = try await answerer.answer(question: request.text, passage: passage)
        let none = Answer(text: "", range: 0..<0, score: 0, probability: 0)
        let answers = Array((report.value.isEmpty ? [none] : report.value).prefix(request.nBest))
        let content = Content(
            question: request.text, answers: answers, windows: report.lengths.count
        )
        return TaskAnswer(report, content, lines: answers.map { answer in
            String(
                format: "%@  (probability %.2f, score %.2f, characters %d:%d)",
                answer.text.isEmpty ? "no answer" : answer.text, answer.probability,
                answer.score, answer.range.lowerBound, answer.range.upperBound
            )
        })
    }

    @Sendable
    private static func classify(
        _ request: TaskRequest, _ tokenizer: any Tokenizer, _ predictor: any ModelPredictor
    ) async throws -> TaskAnswer {
        struct Labels: Encodable { let labels: [LabelProbability] }
        struct Values: Encodable { let values: [Double] }
        let classifier = try TextClassifier(tokenizer: tokenizer, predictor: predictor)
        let report = request.zeroShot.isEmpty
            ? try await classifier.classify(request.text, request.passage)
            : try await classifier.classify(request.text, among: request.zeroShot)
                .map { .labels($0) }
        switch report.value {
        case .labels(let labels):
            return TaskAnswer(report, Labels(labels: labels), lines: labels.map {
                String(format: "%@  (probability %.3f)", $0.label, $0.probability)
            })
        case .values(let values):
            let lines = values.map { String(format: "%.4f", $0) }
            return TaskAnswer(report, Values(values: values), lines: lines)
        }
    }

    @Sendable
    private static func findEntities(
        _ request: TaskRequest, _ tokenizer: any Tokenizer, _ predictor: any ModelPredictor
    ) async throws -> TaskAnswer {
        struct Content: Encodable { let text: String, entities: [Entity] }
        guard request.passage == nil else { throw TextModelsError.oneText }
        let tagger = try TokenTagger(tokenizer: tokenizer, predictor: predictor)
        let report = try await tagger.entities(in: request.text)
        let lines = report.value.map {
            String(
                format: "%@  %@  (probability %.2f, characters %d:%d)",
                $0.text, $0.label, $0.probability, $0.range.lowerBound, $0.range.upperBound
            )
        }
        let content = Content(text: request.text, entities: report.value)
        return TaskAnswer(report, content, lines: lines.isEmpty ? ["no entities"] : lines)
    }

    @Sendable
    private static func rank(
        _ request: TaskRequest, _ tokenizer: any Tokenizer, _ predictor: any ModelPredictor
    ) async throws -> TaskAnswer {
        struct Content: Encodable { let query: String, passages: [ScoredPassage] }
        let reranker = try Reranker(tokenizer: tokenizer, predictor: predictor)
        let report = try await reranker.rank(request.candidates, for: request.text)
        let content = Content(query: request.text, passages: report.value)
        return TaskAnswer(report, content, lines: report.value.map {
            String(format: "%.4f  %@", $0.score, $0.text)
        })
    }

    @Sendable
    private static func embed(
        _ request: TaskRequest, _ tokenizer: any Tokenizer, _ predictor: any ModelPredictor
    ) async throws -> TaskAnswer {
        struct Vector: Encodable { let text: String, embedding: [Float] }
        struct Nearest: Encodable { let text: String, nearest: [Neighbour] }
        let embedder = try SentenceEmbedder(tokenizer: tokenizer, predictor: predictor)
        let candidates = request.candidates
        let report = try await embedder.embed([request.text] + candidates)
        guard request.passage != nil else {
            let vector = report.value[0]
            let first = vector.prefix(8).map { String(format: "%.4f", $0) }
            let line = "\(vector.count) numbers: \(first.joined(separator: ", ")), …"
            return TaskAnswer(
                report, Vector(text: request.text, embedding: vector), lines: [line]
            )
        }
        guard !candidates.isEmpty else { throw TextModelsError.emptyPassage }
        let index = SentenceIndex(
            sentences: candidates,
            vectors: Array(report.value.dropFirst()),
            similarity: embedder.similarity
        )
        let nearest = index.nearest(to: report.value[0], count: request.nBest)
        return TaskAnswer(
            report, Nearest(text: request.text, nearest: nearest), lines: nearest.map {
                String(format: "%.4f  %@", $0.similarity, $0.text)
            })
    }
}

/// A range as Python writes it.
private struct Bounds: Encodable {
    let start: Int
    let end: Int

    init(_ range: Range<Int>) {
        start = range.lowerBound
        end = range.upperBound
    }
}

extension Answer: Encodable {
    enum CodingKeys: CodingKey { case text, score, probability }

    public func encode(to encoder: any Encoder) throws {
        try Bounds(range).encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(text, forKey: .text)
        try container.encode(score, forKey: .score)
        try container.encode(probability, forKey: .probability)
    }
}

extension Entity: Encodable {
    enum CodingKeys: CodingKey { case label, text, probability }

    public func encode(to encoder: any Encoder) throws {
        try Bounds(range).encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(label, forKey: .label)
        try container.encode(text, forKey: .text)
        try container.encode(probability, forKey: .probability)
    }
}
