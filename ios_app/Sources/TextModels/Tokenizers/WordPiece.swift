import Foundation

/// Cuts a word into the longest pieces of a vocabulary, from left to right.
public struct WordPiece: Sendable {
    public let unknownID: Int32
    /// Longer words become one unknown token.
    public let maxCharactersPerWord: Int
    let size: Int
    private let tree: ScalarTree
    /// Where a piece inside a word begins: behind the prefix. Nil when no entry has the prefix.
    private let continuation: Int32?

    /// - Parameters:
    ///   - vocabulary: the content of vocab.txt: one entry a line, the number of the line its id.
    ///   - prefix: what the entry of a piece inside a word begins with.
    /// - Throws: `TextModelsError.badVocabulary`: not UTF-8, or without the unknown token.
    public init(
        vocabulary: Data,
        unknownToken: String = "[UNK]",
        prefix: String = "##",
        maxCharactersPerWord: Int = 100
    ) throws {
        try self.init(
            entries: VocabularyFile.lines(of: vocabulary),
            unknownToken: unknownToken, prefix: prefix, maxCharactersPerWord: maxCharactersPerWord
        )
    }

    /// - Parameter entries: the scalars of each entry, with its id of at least 0.
    init(
        entries: [VocabularyFile.Entry],
        unknownToken: String,
        prefix: String,
        maxCharactersPerWord: Int
    ) throws {
        var tree = ScalarTree(minimumCapacity: entries.count * 4)
        for entry in entries where !entry.scalars.isEmpty { tree.insert(entry.scalars, entry.id) }
        guard let unknown = tree.value(of: unknownToken.unicodeScalars.map(\.value)) else {
            throw TextModelsError.badVocabulary("it has no \(unknownToken)")
        }
        unknownID = unknown
        continuation = tree.node(after: prefix.unicodeScalars.map(\.value))
        self.maxCharactersPerWord = maxCharactersPerWord
        self.tree = tree
        size = Set(entries.map(\.scalars)).count
    }

    /// The id of an entry of the vocabulary, or nil.
    public func id(of token: String) -> Int32? {
        tree.value(of: token.unicodeScalars.map(\.value))
    }

    /// The pieces of a word; nil when it is too long or some part of it fits no entry.
    func pieces(of word: ArraySlice<UInt32>) -> [ScalarTree.Match]? {
        guard word.count <= maxCharactersPerWord else { return nil }
        var found: [ScalarTree.Match] = []
        var start = word.startIndex
        var root: Int32? = ScalarTree.root
        while start < word.endIndex {
            guard let from = root, let piece = tree.longestMatch(word[start...], from: from) else {
                return nil
            }
            found.append(piece)
            start += piece.count
            root = continuation
        }
        return found
    }
}

extension WordPiece: SubwordModel {
    static let kind = "wordpiece"
    var keepsUnknownText: Bool { false }

    func id(of scalars: [UInt32]) -> Int32? { tree.value(of: scalars) }

    func cut(_ word: ArraySlice<UInt32>) -> [Piece] {
        guard let pieces = pieces(of: word) else {
            return [Piece(id: unknownID, count: word.count, isUnknown: true)]
        }
        return pieces.map { Piece(id: $0.value, count: $0.count) }
    }
}
