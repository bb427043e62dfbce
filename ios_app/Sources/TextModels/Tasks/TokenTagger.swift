/// A named part of a text.
public struct Entity: Equatable, Sendable {
    /// Its kind, such as PER; without the prefixes B- and I-.
    public let label: String
    public let text: String
    /// In Unicode scalars of the text, as Python counts characters.
    public let range: Range<Int>
    /// The least of its words' probabilities.
    public let probability: Double
}

/// Finds entities in a text.
public struct TokenTagger: Sendable {
    /// The label of what is no entity.
    static let outside = "O"

    private let model: TextModel

    /// - Throws: `TextModelsError.wrongTask`: the model was exported for another task.
    public init(tokenizer: any Tokenizer, predictor: any ModelPredictor) throws {
        model = try TextModel(task: .tokens, tokenizer: tokenizer, predictor: predictor)
    }

    /// The entities of a text in their order; what is beyond the longest input is not looked at.
    ///
    /// - Throws: `TextModelsError` for an empty text or outputs that do not fit;
    ///   `CancellationError`; whatever the model throws.
    public func entities(in text: String) async throws -> TextReport<[Entity]> {
        guard TextModel.hasWords(text) else { throw TextModelsError.emptyText }
        try TextModel.checkLength(text)
        let tokens = model.sequence(text)
        return try await model.report {
            [try ModelInput(tokens, settings: model.settings)]
        } read: { outputs in
            let rows = try outputs[0].rows("logits", count: tokens.count)
            return try entities(of: tokens, rows: rows, text)
        }
    }

    private func entities(
        of tokens: TokenSequence, rows: [[Float]], _ text: String
    ) throws -> [Entity] {
        let labels = model.settings.labels
        var joiner = EntityJoiner()
        for (index, logits) in rows.enumerated() {
            // Special tokens are of no word.
            guard let word = tokens.words[index] else { continue }
            guard logits.count == labels.count else {
                throw TextModelsError.badOutput(
                    "\(logits.count) numbers for the \(labels.count) labels of model.json"
                )
            }
            let shares = Activation.softmax.apply(logits)
            let best = ranking(shares)[0]
            joiner.add(
                label: labels[best],
                probability: shares[best],
                range: tokens.offsets[index],
                word: word
            )
        }
        let ranges = ScalarRanges(text)
        return joiner.entities.map {
            Entity(
                label: $0.label,
                text: String(text.unicodeScalars[ranges.indices($0.range)]),
                range: $0.range,
                probability: $0.probability
            )
        }
    }
}

/// Joins neighbouring tokens of one kind. A `B-` begins a new entity, and later tokens of a word
/// belong to its first.
private struct EntityJoiner {
    private(set) var entities: [(label: String, probability: Double, range: Range<Int>)] = []
    private var previousWord: Int?
    private var isOpen = false

    mutating func add(label: String, probability: Double, range: Range<Int>, word: Int) {
        let isSameWord = word == previousWord
        previousWord = word
        if isSameWord {
            if isOpen { extend(to: range) }
            return
        }
        let parts = label.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let kind = parts.count == 2 ? String(parts[1]) : label
        let begins = parts.count == 2 && parts[0] == "B"
        let joins = isOpen && entities.last?.label == kind && !begins
        isOpen = label != TokenTagger.outside
        if joins {
            extend(to: range)
            let last = entities.count - 1
            entities[last].probability = min(entities[last].probability, probability)
        } else if isOpen {
            entities.append((kind, probability, range))
        }
    }

    private mutating func extend(to range: Range<Int>) {
        let last = entities.count - 1
        let start = entities[last].range.lowerBound
        entities[last].range = start..<max(start, range.upperBound)
    }
}
