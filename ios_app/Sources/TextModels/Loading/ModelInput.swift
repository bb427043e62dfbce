/// Tokens padded to one of the lengths that a package takes.
public struct ModelInput: Equatable, Sendable {
    public let inputIDs: [Int32]
    /// 1 for a token, 0 for padding.
    public let attentionMask: [Int32]
    public let tokenTypeIDs: [Int32]

    public var length: Int { inputIDs.count }

    /// Pads tokens to the smallest length that holds them.
    ///
    /// - Parameters:
    ///   - inputIDs: special tokens included.
    ///   - tokenTypeIDs: 0 or 1 for each token.
    /// - Throws: `TextModelsError.wrongModel` when no length holds them.
    public init(inputIDs: [Int32], tokenTypeIDs: [Int32], settings: ModelSettings) throws {
        let count = inputIDs.count
        guard let length = settings.bucket(for: count), tokenTypeIDs.count == count else {
            throw TextModelsError.wrongModel("it takes no \(count) tokens")
        }
        let padding = length - count
        self.inputIDs = inputIDs + Array(repeating: settings.specialIDs.pad, count: padding)
        attentionMask = Array(repeating: 1, count: count) + Array(repeating: 0, count: padding)
        self.tokenTypeIDs = tokenTypeIDs + Array(repeating: 0, count: padding)
    }

    /// A text or a pair of texts.
    public init(_ sequence: TokenSequence, settings: ModelSettings) throws {
        try self.init(inputIDs: sequence.ids, tokenTypeIDs: sequence.typeIDs, settings: settings)
    }

    /// A window of a passage with its question.
    public init(_ feature: Feature, settings: ModelSettings) throws {
        try self.init(
            inputIDs: feature.inputIDs, tokenTypeIDs: feature.tokenTypeIDs, settings: settings
        )
    }

    init(inputIDs: [Int32], attentionMask: [Int32], tokenTypeIDs: [Int32]) {
        self.inputIDs = inputIDs
        self.attentionMask = attentionMask
        self.tokenTypeIDs = tokenTypeIDs
    }

    /// An input for measurements, all of it tokens: time does not depend on which. A length that no
    /// model has is brought into the range of those that model.json may name.
    public init(filled count: Int, settings: ModelSettings) {
        let length = min(max(count, 1), ModelSettings.mostTokens)
        let ids = settings.specialIDs
        inputIDs = [ids.cls] + Array(repeating: ids.sep, count: length - 1)
        attentionMask = Array(repeating: 1, count: length)
        tokenTypeIDs = Array(repeating: 0, count: length / 4)
            + Array(repeating: 1, count: length - length / 4)
    }

    /// The values of an input of the package, by the name the exporter gives it.
    ///
    /// - Throws: `TextModelsError.wrongModel`: the package wants something else.
    public func values(named name: String) throws -> [Int32] {
        switch name {
        case "input_ids": return inputIDs
        case "attention_mask": return attentionMask
        case "token_type_ids": return tokenTypeIDs
        default: throw TextModelsError.wrongModel("it wants an input “\(name)”")
        }
    }
}
