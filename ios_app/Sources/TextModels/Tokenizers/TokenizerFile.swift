import Foundation

/// A tokenizer.json. Everything in it is read or refused by its name; only the decoder, which turns ids
/// into text, is left aside.
struct TokenizerFile {
    let model: FilePart
    private let content: JSONValue

    private static let keys = [
        "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
        "post_processor", "decoder", "model",
    ]

    init(_ data: Data) throws {
        content = try JSONValue(data, name: "tokenizer.json")
        guard let model = content["model"] else { throw FilePart.refusal("it has no model") }
        self.model = try FilePart("model", model)
        for (key, _) in content.entries ?? [] where !Self.keys.contains(String(scalars: key)) {
            throw FilePart.refusal("“\(String(scalars: key))” is not supported")
        }
        for key in ["truncation", "padding"] where content[key].map(\.isNull) == false {
            throw FilePart.refusal("it sets \(key) (expected null)")
        }
    }

    /// - Parameter vocabulary: the content of vocab.txt, which must agree with this file; needed when
    ///   this file has no vocabulary.
    func tokenizer(vocabulary: Data?) throws -> TextTokenizer {
        let inFile = try VocabularyFile.entries(of: model)
        var added = try addedTokens()
        let entries = try VocabularyFile.agreed(inFile, added, vocabulary)
        let subwords = try ModelFile.read(model, entries)
        try Self.check(&added, subwords)
        let processor = try PostProcessor.read(.optional("post_processor", content["post_processor"]))
        return try TextTokenizer(
            normalizers: NormalizerFile.read(.optional("normalizer", content["normalizer"])),
            splitters: PreTokenizerFile.read(.optional("pre_tokenizer", content["pre_tokenizer"])),
            model: subwords, addedTokens: added, trim: processor.trim,
            template: processor.template ?? .plain
        )
    }

    private func addedTokens() throws -> [AddedToken] {
        guard let tokens = content["added_tokens"]?.elements else {
            throw FilePart.refusal("it has no added_tokens")
        }
        let known = ["id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"]
        return try tokens.map { token in
            let flags = ["single_word", "lstrip", "rstrip", "normalized"].compactMap { token[$0]?.bool }
            guard let id = token["id"]?.int32, let content = token["content"]?.scalars,
                flags.count == 4, token["special"]?.bool != nil,
                token.entries?.count == known.count
            else { throw FilePart.refusal("an entry of added_tokens cannot be read") }
            return AddedToken(
                id: id, content: content, isSingleWord: flags[0], stripsLeft: flags[1],
                stripsRight: flags[2], isNormalized: flags[3]
            )
        }
    }

    /// The library gives ids itself: that of the vocabulary, or the next one. Of a token that is
    /// listed twice the last entry counts, and one without content is left out.
    private static func check(_ tokens: inout [AddedToken], _ model: any SubwordModel) throws {
        var byContent: [[UInt32]: AddedToken] = [:]
        var next = Int32(model.size)
        for token in tokens where !token.content.isEmpty {
            var id = byContent[token.content]?.id ?? model.id(of: token.content)
            if id == nil {
                id = next
                next += 1
            }
            guard id == token.id else {
                throw FilePart.refusal(
                    "its token \(String(scalars: token.content)) has the id \(token.id), where the "
                        + "library gives \(id ?? 0)"
                )
            }
            byContent[token.content] = token
        }
        tokens = byContent.values.sorted { $0.id < $1.id }
    }
}

/// The vocabulary: that of tokenizer.json, which a vocab.txt beside it must agree with.
enum VocabularyFile {
    typealias Entry = (scalars: [UInt32], id: Int32, score: Double)

    /// The entries of a model: an object of ids, or a list of texts with scores.
    static func entries(of model: FilePart) throws -> [Entry] {
        if let list = model["vocab"]?.elements {
            return try list.enumerated().map { index, entry in
                guard let pair = entry.elements, pair.count == 2, let scalars = pair[0].scalars,
                    let score = pair[1].number
                else { throw model.refusal("entry \(index) of its vocabulary cannot be read") }
                return Entry(scalars, Int32(index), score)
            }
        }
        return try (model["vocab"]?.entries ?? []).map { key, value in
            guard let id = value.int32, id >= 0 else {
                throw TextModelsError.badVocabulary("an id in tokenizer.json is no whole number")
            }
            return Entry(key, id, 0)
        }
    }

    /// The entries of tokenizer.json, or of vocab.txt when it has none.
    ///
    /// - Parameter added: tokens that vocab.txt lists by their ids, too.
    /// - Throws: `TextModelsError`: there are none, or the files disagree.
    static func agreed(
        _ inFile: [Entry], _ added: [AddedToken], _ vocabulary: Data?
    ) throws -> [Entry] {
        guard let vocabulary else {
            if inFile.isEmpty { throw TextModelsError.missingFile("vocab.txt") }
            return inFile
        }
        let inText = try lines(of: vocabulary)
        guard !inFile.isEmpty else { return inText.filter { !$0.scalars.isEmpty } }
        var byID = Dictionary(inFile.map { ($0.id, $0.scalars) }, uniquingKeysWith: { $1 })
        for token in added { byID[token.id] = token.content }
        let last = byID.keys.max() ?? -1
        let same = inText.count == Int(last) + 1
            && inText.allSatisfy { $0.scalars == byID[$0.id] ?? [] }
        guard same else {
            throw TextModelsError.badVocabulary("vocab.txt and tokenizer.json disagree")
        }
        return inFile
    }

    /// One entry a line, the number of the line its id.
    static func lines(of vocabulary: Data) throws -> [Entry] {
        guard let text = String(data: vocabulary, encoding: .utf8) else {
            throw TextModelsError.badVocabulary("it is not UTF-8 text")
        }
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.enumerated().map { ($1.map(\.value), Int32($0), 0) }
    }
}

extension TextTokenizer {
    /// The tokenizer of a folder with tokenizer.json. A vocab.txt beside it must agree with it.
    ///
    /// - Parameter sha256: what the SHA-256 of tokenizer.json must be, in hexadecimal; nil: anything.
    /// - Throws: `TextModelsError`: a file is missing, broken, or asks for what is not supported.
    public init(directory: URL, sha256: String? = nil) throws {
        let text = directory.appendingPathComponent("vocab.txt").path
        let content = try readFile("tokenizer.json", in: directory)
        if let sha256, SHA256.hexadecimal(content) != sha256 {
            throw FilePart.refusal(
                "it is not the file that the model was exported with (tokenizer_sha256 in model.json)"
            )
        }
        try self.init(
            tokenizerJSON: content,
            vocabulary: FileManager.default.fileExists(atPath: text)
                ? readFile("vocab.txt", in: directory) : nil
        )
    }

    /// - Parameters:
    ///   - tokenizerJSON: the content of tokenizer.json.
    ///   - vocabulary: the content of vocab.txt; needed when tokenizer.json has no vocabulary.
    public init(tokenizerJSON: Data, vocabulary: Data? = nil) throws {
        self = try TokenizerFile(tokenizerJSON).tokenizer(vocabulary: vocabulary)
    }
}
