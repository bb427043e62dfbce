import Foundation

/// A model with its tokenizer: what every task does between text and outputs.
struct TextModel: Sendable {
    let predictor: any ModelPredictor
    let tokenizer: any Tokenizer

    var settings: ModelSettings { predictor.settings }

    /// - Throws: `TextModelsError.wrongTask`: the model was exported for another task.
    init(task: TextTask, tokenizer: any Tokenizer, predictor: any ModelPredictor) throws {
        guard predictor.settings.task == task.rawValue else {
            throw TextModelsError.wrongTask(predictor.settings.task, expected: task.rawValue)
        }
        self.predictor = predictor
        self.tokenizer = tokenizer
    }

    /// Runs inputs one after the other.
    ///
    /// - Parameters:
    ///   - prepare: text to inputs; its time is measured.
    ///   - read: the outputs, one for each input, to what they mean.
    /// - Throws: `CancellationError`; whatever the model, `prepare` or `read` throws.
    func report<Value: Sendable>(
        _ prepare: () throws -> [ModelInput], read: ([ModelOutputs]) throws -> Value
    ) async throws -> TextReport<Value> {
        let start = DispatchTime.now().uptimeNanoseconds
        let inputs = try prepare()
        let tokenization = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
        var outputs: [ModelOutputs] = []
        for input in inputs {
            try Task.checkCancellation()
            outputs.append(try await predictor.predict(input))
        }
        return TextReport(
            value: try read(outputs),
            tokenizationMilliseconds: tokenization,
            inferenceMilliseconds: outputs.map(\.milliseconds).reduce(0, +),
            lengths: inputs.map(\.length)
        )
    }

    /// A text or a pair of texts with special tokens, cut to the longest input.
    func sequence(_ text: String, _ second: String? = nil) -> TokenSequence {
        tokenizer.sequence(text, second, longest: settings.lengths.max())
    }

    /// One row of an output for each text or pair of texts.
    func rows(
        of output: String, _ texts: [(String, String?)]
    ) async throws -> TextReport<[[Float]]> {
        guard texts.allSatisfy({ Self.hasWords($0.0) }) else { throw TextModelsError.emptyText }
        for (first, second) in texts { try Self.checkLength(first, second ?? "") }
        return try await report {
            try texts.map { try ModelInput(sequence($0.0, $0.1), settings: settings) }
        } read: {
            try $0.map { try $0.row(output) }
        }
    }

    /// Longest text, in Unicode scalars, about 40 pages: a question on more takes minutes.
    static let longestText = 100_000

    static func checkLength(_ texts: String...) throws {
        for text in texts {
            let count = text.unicodeScalars.count
            guard count <= longestText else {
                throw TextModelsError.textTooLong(count: count, limit: longestText)
            }
        }
    }

    static func hasWords(_ text: String) -> Bool {
        !text.unicodeScalars.allSatisfy(\.isPythonSpace)
    }
}

/// The tasks that this package has an answer for; the raw value stands in model.json.
public enum TextTask: String, CaseIterable, Sendable {
    case questionAnswering = "qa"
    case classification = "classify"
    case tokens
    case ranking = "rank"
    case embedding = "embed"
}
