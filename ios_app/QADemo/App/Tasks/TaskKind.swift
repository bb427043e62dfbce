import SwiftUI
import TextModels

/// What a model says of a text, in the type of its task.
enum TaskResult: Sendable {
    case labels(TextReport<[LabelProbability]>)
    case values(TextReport<[Double]>)
    case entities(TextReport<[Entity]>)
    case neighbours(TextReport<[Neighbour]>)
    case passages(TextReport<[ScoredPassage]>)
}

/// A task that has a screen beside "Ask": its words, a text to try, and how a model is asked.
struct TaskKind: Identifiable, Sendable {
    typealias Ask = @Sendable (ReadyModel, String, [String]) async throws -> TaskResult

    /// Also the identifier of the screen.
    let id: String
    let task: TextTask
    let title: LocalizedStringResource
    let symbol: String
    /// What the second field holds, one a line; nil where the task takes one text.
    let lines: LocalizedStringResource?
    let sampleText: String
    let sampleLines: [String]
    let ask: Ask

    static let all = [classify, zeroShot, entities, search, rank]

    static let classify = TaskKind(
        id: "classify", task: .classification, title: "Classify", symbol: "tag", lines: nil,
        sampleText: "The walk across the ice was cold, and I would do it again tomorrow.",
        sampleLines: []
    ) { model, text, _ in
        let classifier = try TextClassifier(
            tokenizer: model.tokenizer, predictor: model.predictor
        )
        let report = try await classifier.classify(text)
        switch report.value {
        case .labels(let labels): return .labels(report.map { _ in labels })
        case .values(let values): return .values(report.map { _ in values })
        }
    }

    static let zeroShot = TaskKind(
        id: "zero-shot", task: .classification, title: "Labels in words", symbol: "text.badge.star",
        lines: "Labels, one a line",
        sampleText: "The mayor offered to pay for the oil; they declined.",
        sampleLines: ["money", "weather", "sport"]
    ) { model, text, labels in
        let classifier = try TextClassifier(
            tokenizer: model.tokenizer, predictor: model.predictor
        )
        return .labels(try await classifier.classify(text, among: labels))
    }

    static let entities = TaskKind(
        id: "entities", task: .tokens, title: "Names", symbol: "person.text.rectangle", lines: nil,
        sampleText: "Anna Lindqvist bought the bakery in Malmö from her uncle in 2009.",
        sampleLines: []
    ) { model, text, _ in
        let tagger = try TokenTagger(tokenizer: model.tokenizer, predictor: model.predictor)
        return .entities(try await tagger.entities(in: text))
    }

    static let search = TaskKind(
        id: "search", task: .embedding, title: "Nearest sentence",
        symbol: "point.3.connected.trianglepath.dotted", lines: "Sentences, one a line",
        sampleText: "Who paid for the light?",
        sampleLines: [
            "The mayor offered to pay for the oil.",
            "The ovens are lit at half past one.",
            "In spring the oars went back to the boats.",
        ]
    ) { model, text, sentences in
        let embedder = try SentenceEmbedder(
            tokenizer: model.tokenizer, predictor: model.predictor
        )
        let index = try await embedder.index(sentences)
        return .neighbours(try await embedder.embed([text]).map { vectors in
            index.nearest(to: vectors[0], count: sentences.count)
        })
    }

    static let rank = TaskKind(
        id: "rank", task: .ranking, title: "Rank passages", symbol: "list.number",
        lines: "Passages, one a line",
        sampleText: "When are the ovens lit?",
        sampleLines: [
            "Rye goes in first, because it needs the fiercest heat.",
            "The ovens at Lindqvist's are lit at half past one.",
        ]
    ) { model, text, passages in
        let reranker = try Reranker(tokenizer: model.tokenizer, predictor: model.predictor)
        return .passages(try await reranker.rank(passages, for: text))
    }
}
