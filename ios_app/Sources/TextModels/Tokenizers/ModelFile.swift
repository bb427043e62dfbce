/// Reads the model of a tokenizer.json: its vocabulary and how words are cut with it.
enum ModelFile {
    private typealias Reader = (FilePart, [VocabularyFile.Entry]) throws -> any SubwordModel

    private static var readers: [String: Reader] {
        [
            "WordPiece": wordPiece, "BPE": bytePair, "Unigram": unigram,
        ]
    }

    static func read(_ part: FilePart, _ entries: [VocabularyFile.Entry]) throws -> any SubwordModel {
        try part.reader(readers)(part, entries)
    }

    private static func wordPiece(
        _ part: FilePart, _ entries: [VocabularyFile.Entry]
    ) throws -> any SubwordModel {
        try part.allow("vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word")
        let longest = part["max_input_chars_per_word"] ?? .number(100)
        guard let longest = longest.int32, longest > 0 else {
            throw part.refusal("“max_input_chars_per_word” is not a number above 0")
        }
        return try WordPiece(
            entries: entries,
            unknownToken: String(scalars: part.scalars("unk_token")),
            prefix: String(scalars: part.scalars("continuing_subword_prefix")),
            maxCharactersPerWord: Int(longest)
        )
    }

    private static func bytePair(
        _ part: FilePart, _ entries: [VocabularyFile.Entry]
    ) throws -> any SubwordModel {
        try part.allow(
            "vocab", "merges", "unk_token", "fuse_unk", "ignore_merges", "dropout",
            "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"
        )
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            try part.require(key, isFalse: part[key]?.scalars.map(\.isEmpty) ?? true)
        }
        try part.require("dropout", isFalse: part["dropout"]?.number.map { $0 == 0 } ?? true)
        try part.require("byte_fallback", isFalse: !part.bool("byte_fallback", usual: false))
        return try BytePairModel(
            entries: entries,
            merges: part.elements("merges").map { try merge($0, of: part) },
            unknownToken: part["unk_token"]?.text,
            fusesUnknown: part.bool("fuse_unk", usual: false),
            ignoresMerges: part.bool("ignore_merges", usual: false)
        )
    }

    /// Two entries: `["a", "b"]`, or `"a b"` in older files.
    private static func merge(
        _ value: JSONValue, of part: FilePart
    ) throws -> ([UInt32], [UInt32]) {
        let pair = value.scalars.map {
            $0.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
        } ?? value.elements?.compactMap(\.scalars)
        guard let pair, pair.count == 2 else { throw part.refusal("a merge cannot be read") }
        return (pair[0], pair[1])
    }

    private static func unigram(
        _ part: FilePart, _ entries: [VocabularyFile.Entry]
    ) throws -> any SubwordModel {
        try part.allow("vocab", "unk_id", "byte_fallback")
        try part.require("byte_fallback", isFalse: !part.bool("byte_fallback", usual: false))
        guard let unknown = part["unk_id"]?.int32, (0..<entries.count).contains(Int(unknown)) else {
            throw part.refusal("“unk_id” is no entry of the vocabulary")
        }
        return UnigramModel(
            entries: entries.map { ($0.scalars, $0.score) }, unknownID: unknown
        )
    }
}
