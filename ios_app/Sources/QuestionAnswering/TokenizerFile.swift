import Foundation

/// The settings in a tokenizer.json; the vocabulary in it is left to vocab.txt.
struct TokenizerFile: Decodable {
    struct Normalizer: Decodable {
        let type: String
        let cleanText: Bool?
        let handleChineseChars: Bool?
        let stripAccents: Bool?
        let lowercase: Bool?

        enum CodingKeys: String, CodingKey {
            case type, lowercase
            case cleanText = "clean_text"
            case handleChineseChars = "handle_chinese_chars"
            case stripAccents = "strip_accents"
        }
    }

    struct Named: Decodable {
        let type: String
    }

    struct Model: Decodable {
        let type: String
        let unknownToken: String
        let prefix: String
        let maxCharactersPerWord: Int

        enum CodingKeys: String, CodingKey {
            case type
            case unknownToken = "unk_token"
            case prefix = "continuing_subword_prefix"
            case maxCharactersPerWord = "max_input_chars_per_word"
        }
    }

    struct AddedToken: Decodable {
        let id: Int32
        let content: String
        let singleWord: Bool
        let lstrip: Bool
        let rstrip: Bool
        let normalized: Bool

        enum CodingKeys: String, CodingKey {
            case id, content, lstrip, rstrip, normalized
            case singleWord = "single_word"
        }

        var isPlain: Bool { !(singleWord || lstrip || rstrip || normalized) }
    }

    let normalizer: Normalizer
    let preTokenizer: Named
    let model: Model
    let addedTokens: [AddedToken]

    enum CodingKeys: String, CodingKey {
        case normalizer, model
        case preTokenizer = "pre_tokenizer"
        case addedTokens = "added_tokens"
    }

    /// Refuses what `BertTokenizer` would not do as Python does.
    func check() throws {
        let parts = [
            ("normalizer", normalizer.type, "BertNormalizer"),
            ("pre-tokenizer", preTokenizer.type, "BertPreTokenizer"),
            ("model", model.type, "WordPiece"),
        ]
        for (part, found, wanted) in parts where found != wanted {
            throw refusal("its \(part) is \(found), not \(wanted)")
        }
        if let token = addedTokens.first(where: { !$0.isPlain }) {
            throw refusal("its token \(token.content) is matched in a way this app does not know")
        }
    }

    private func refusal(_ reason: String) -> QuestionAnsweringError {
        .badFile(name: "tokenizer.json", reason: reason)
    }
}

extension BertTokenizer {
    /// The tokenizer of a folder with tokenizer.json and vocab.txt.
    ///
    /// - Throws: `QuestionAnsweringError`: a file is missing, broken or not for BERT.
    public init(directory: URL) throws {
        try self.init(
            tokenizerJSON: readFile("tokenizer.json", in: directory),
            vocabulary: readFile("vocab.txt", in: directory)
        )
    }

    /// - Parameters:
    ///   - tokenizerJSON: the content of tokenizer.json.
    ///   - vocabulary: the content of vocab.txt.
    public init(tokenizerJSON: Data, vocabulary: Data) throws {
        let file = try decodeJSON(TokenizerFile.self, tokenizerJSON, name: "tokenizer.json")
        try file.check()
        let settings = file.normalizer
        self.init(
            normalizer: BertNormalizer(
                cleanText: settings.cleanText ?? true,
                handleChineseChars: settings.handleChineseChars ?? true,
                stripAccents: settings.stripAccents,
                lowercase: settings.lowercase ?? true
            ),
            wordPiece: try WordPiece(
                vocabulary: vocabulary,
                unknownToken: file.model.unknownToken,
                prefix: file.model.prefix,
                maxCharactersPerWord: file.model.maxCharactersPerWord
            ),
            addedTokens: file.addedTokens.map { ($0.content, $0.id) }
        )
    }
}
