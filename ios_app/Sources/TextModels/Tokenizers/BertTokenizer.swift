import Foundation

/// BERT's tokenizer: normaliser, words and punctuation, WordPiece. It adds no special tokens.
///
/// `TextTokenizer` reads tokenizers of every kind; this one is for callers that make one by hand, or
/// ask for the vocabulary.
public struct BertTokenizer: Tokenizer {
    public let normalizer: BertNormalizer
    public let wordPiece: WordPiece
    private let pipeline: TextTokenizer

    public var addedIDs: Set<Int32> { pipeline.addedIDs }
    public var template: TextTemplate { pipeline.template }

    /// - Parameters:
    ///   - addedTokens: tokens that are found in a text before it is normalised, with ids.
    ///   - template: how texts are joined; nil: with [CLS] and [SEP] if the vocabulary has them.
    public init(
        normalizer: BertNormalizer,
        wordPiece: WordPiece,
        addedTokens: [(content: String, id: Int32)] = [],
        template: TextTemplate? = nil
    ) {
        let ends = (wordPiece.id(of: "[CLS]"), wordPiece.id(of: "[SEP]"))
        var usual = TextTemplate.plain
        if case (let start?, let end?) = ends { usual = .classAndSeparator(start, end) }
        self.normalizer = normalizer
        self.wordPiece = wordPiece
        pipeline = TextTokenizer(
            normalizers: [normalizer],
            splitters: [WhitespaceSplit(), PunctuationSplit()],
            model: wordPiece,
            addedTokens: addedTokens.map {
                AddedToken(id: $0.id, content: $0.content.unicodeScalars.map(\.value))
            },
            template: template ?? usual
        )
    }

    /// - Throws: `TextModelsError`: a file is missing, broken or not for BERT.
    public init(directory: URL) throws {
        try self.init(TextTokenizer(directory: directory))
    }

    /// - Parameters: as those of `TextTokenizer`.
    public init(tokenizerJSON: Data, vocabulary: Data? = nil) throws {
        try self.init(TextTokenizer(tokenizerJSON: tokenizerJSON, vocabulary: vocabulary))
    }

    private init(_ pipeline: TextTokenizer) throws {
        guard pipeline.normalizers.count == 1,
            let normalizer = pipeline.normalizers[0] as? BertNormalizer,
            let wordPiece = pipeline.model as? WordPiece
        else { throw FilePart.refusal("it is not a tokenizer of BERT") }
        self.normalizer = normalizer
        self.wordPiece = wordPiece
        self.pipeline = pipeline
    }

    public func id(of entry: String) -> Int32? { pipeline.id(of: entry) }

    public func encode(_ text: String) -> Encoding { pipeline.encode(text) }
}
