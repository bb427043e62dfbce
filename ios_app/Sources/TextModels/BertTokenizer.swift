/// BERT's tokenizer: normaliser, words and punctuation, WordPiece. It adds no special tokens.
///
/// Ids and offsets equal those of the `tokenizers` library for the same tokenizer.json.
public struct BertTokenizer: Tokenizer {
    public let normalizer: BertNormalizer
    public let wordPiece: WordPiece
    /// Special tokens written out in a text, such as [SEP], are taken as such, as Python does.
    private let addedTokens: ScalarTree
    public let addedIDs: Set<Int32>
    public let template: TextTemplate
    private let properties = ScalarProperties.shared

    /// - Parameters:
    ///   - addedTokens: tokens that are found in a text before it is normalised, with ids.
    ///   - template: how texts are joined; nil: with [CLS] and [SEP] if the vocabulary has them.
    public init(
        normalizer: BertNormalizer,
        wordPiece: WordPiece,
        addedTokens: [(content: String, id: Int32)] = [],
        template: TextTemplate? = nil
    ) {
        self.normalizer = normalizer
        self.wordPiece = wordPiece
        var tree = ScalarTree()
        for token in addedTokens {
            tree.insert(token.content.unicodeScalars.map(\.value), token.id)
        }
        self.addedTokens = tree
        addedIDs = Set(addedTokens.map(\.id))
        if let template {
            self.template = template
        } else if let start = wordPiece.id(of: "[CLS]"), let end = wordPiece.id(of: "[SEP]") {
            self.template = .classAndSeparator(start, end)
        } else {
            self.template = .plain
        }
    }

    public func id(of entry: String) -> Int32? { wordPiece.id(of: entry) }

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
