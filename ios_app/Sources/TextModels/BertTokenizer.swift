import Foundation

/// Token ids of a text, each with the range of the text it stands for.
public struct Encoding: Equatable, Sendable {
    public var ids: [Int32] = []
    /// In Unicode scalars of the text, as Python counts characters.
    public var offsets: [Range<Int>] = []
    /// Tokens of one word (one piece of the pre-tokenizer, or an added token) have one number; the
    /// numbers rise.
    public var words: [Int] = []

    public var count: Int { ids.count }

    /// - Parameter startsWord: whether the token is the first of its word.
    mutating func append(_ id: Int32, _ range: Range<Int>, startsWord: Bool) {
        let previous = words.last ?? -1
        ids.append(id)
        offsets.append(range)
        words.append(startsWord ? previous + 1 : max(previous, 0))
    }
}

/// BERT's tokenizer: normaliser, words and punctuation, WordPiece. It adds no special tokens.
///
/// Ids and offsets equal those of the `tokenizers` library for the same tokenizer.json.
public struct BertTokenizer: Sendable {
    public let normalizer: BertNormalizer
    public let wordPiece: WordPiece
    /// Special tokens written out in a text, such as [SEP], are taken as such, as Python does.
    private let addedTokens: ScalarTree
    /// Ids of the tokens that are taken before a text is normalised.
    let addedIDs: Set<Int32>
    private let properties = ScalarProperties.shared

    /// - Parameter addedTokens: tokens that are found in a text before it is normalised, with ids.
    public init(
        normalizer: BertNormalizer,
        wordPiece: WordPiece,
        addedTokens: [(content: String, id: Int32)] = []
    ) {
        self.normalizer = normalizer
        self.wordPiece = wordPiece
        var tree = ScalarTree()
        for token in addedTokens {
            tree.insert(token.content.unicodeScalars.map(\.value), token.id)
        }
        self.addedTokens = tree
        addedIDs = Set(addedTokens.map(\.id))
    }

    /// Tokens of a text, without special tokens at its ends.
    public func encode(_ text: String) -> Encoding {
        encode(scalars: text.unicodeScalars.map(\.value))
    }

    func encode(scalars: [UInt32]) -> Encoding {
        var encoding = Encoding()
        encoding.ids.reserveCapacity(scalars.count / 4)
        encoding.offsets.reserveCapacity(scalars.count / 4)
        encoding.words.reserveCapacity(scalars.count / 4)
        var (start, position) = (0, 0)
        while position < scalars.count {
            guard let token = addedTokens.longestMatch(scalars[position...]) else {
                position += 1
                continue
            }
            encodeText(scalars[start..<position], into: &encoding)
            encoding.append(token.value, position..<(position + token.count), startsWord: true)
            position += token.count
            start = position
        }
        encodeText(scalars[start...], into: &encoding)
        return encoding
    }

    private func encodeText(_ scalars: ArraySlice<UInt32>, into encoding: inout Encoding) {
        guard !scalars.isEmpty else { return }
        let text = normalizer.normalize(scalars, offset: scalars.startIndex)
        var start = 0
        for (position, scalar) in text.scalars.enumerated() {
            let classes = properties.classes(of: scalar)
            guard !classes.isDisjoint(with: [.whiteSpace, .punctuation]) else { continue }
            encodeWord(start..<position, of: text, into: &encoding)
            if classes.contains(.punctuation) {
                encodeWord(position..<(position + 1), of: text, into: &encoding)
            }
            start = position + 1
        }
        encodeWord(start..<text.scalars.count, of: text, into: &encoding)
    }

    @inline(__always)
    private func encodeWord(
        _ word: Range<Int>, of text: NormalizedText, into encoding: inout Encoding
    ) {
        guard !word.isEmpty else { return }
        guard let pieces = wordPiece.pieces(of: text.scalars[word]) else {
            return encoding.append(wordPiece.unknownID, text.origin(of: word), startsWord: true)
        }
        var start = word.lowerBound
        for piece in pieces {
            let end = start + piece.count
            let isFirst = start == word.lowerBound
            encoding.append(piece.value, text.origin(of: start..<end), startsWord: isFirst)
            start = end
        }
    }
}
