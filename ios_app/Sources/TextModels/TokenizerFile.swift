import Foundation

/// The settings in a tokenizer.json; `VocabularyFile` reads the vocabulary.
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

        /// A token that the library looks for in the text as it is, with nothing around it.
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

    private func refusal(_ reason: String) -> TextModelsError {
        .badFile(name: "tokenizer.json", reason: reason)
    }
}

/// The vocabulary: that of tokenizer.json, which a vocab.txt beside it must agree with.
enum VocabularyFile {
    typealias Entry = (scalars: [UInt32], id: Int32)

    static func entries(tokenizerJSON: Data, vocabulary: Data?) throws -> [Entry] {
        let stored = try JSONValue(tokenizerJSON, name: "tokenizer.json")["model"]?["vocab"]?.entries
        let inJSON = try (stored ?? []).map { key, value in
            guard let id = value.int32, id >= 0 else {
                throw TextModelsError.badVocabulary("an id in tokenizer.json is no whole number")
            }
            return Entry(scalars: key, id: id)
        }
        guard let vocabulary else {
            if inJSON.isEmpty { throw TextModelsError.missingFile("vocab.txt") }
            return inJSON
        }
        let inText = try lines(of: vocabulary)
        guard !inJSON.isEmpty else { return inText }
        let same = inJSON.sorted { $0.id < $1.id }.elementsEqual(inText) {
            $0.id == $1.id && $0.scalars == $1.scalars
        }
        guard same else {
            throw TextModelsError.badVocabulary("vocab.txt and tokenizer.json disagree")
        }
        return inJSON
    }

    /// One entry a line, the number of the line its id.
    static func lines(of vocabulary: Data) throws -> [Entry] {
        guard let text = String(data: vocabulary, encoding: .utf8) else {
            throw TextModelsError.badVocabulary("it is not UTF-8 text")
        }
        return text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated().filter { !$1.isEmpty }.map { ($1.map(\.value), Int32($0)) }
    }
}

extension BertTokenizer {
    /// The tokenizer of a folder with tokenizer.json. A vocab.txt beside it must agree with it.
    ///
    /// - Throws: `TextModelsError`: a file is missing, broken or not for BERT.
    public init(directory: URL) throws {
        let text = directory.appendingPathComponent("vocab.txt").path
        try self.init(
            tokenizerJSON: readFile("tokenizer.json", in: directory),
            vocabulary: FileManager.default.fileExists(atPath: text)
                ? readFile("vocab.txt", in: directory) : nil
        )
    }

    /// - Parameters:
    ///   - tokenizerJSON: the content of tokenizer.json.
    ///   - vocabulary: the content of vocab.txt; needed when tokenizer.json has no vocabulary.
    public init(tokenizerJSON: Data, vocabulary: Data? = nil) throws {
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
                entries: VocabularyFile.entries(
                    tokenizerJSON: tokenizerJSON, vocabulary: vocabulary
                ),
                unknownToken: file.model.unknownToken,
                prefix: file.model.prefix,
                maxCharactersPerWord: file.model.maxCharactersPerWord
            ),
            addedTokens: file.addedTokens.map { ($0.content, $0.id) }
        )
    }
}
