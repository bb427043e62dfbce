/// A tokenizer of any kind, put together from the parts that a tokenizer.json names: added tokens,
/// normaliser, pre-tokenizer, model (WordPiece, byte-level BPE or Unigram), post-processor.
///
/// Ids and offsets equal those of the `tokenizers` library for the same file.
public struct TextTokenizer: Tokenizer {
    public let template: TextTemplate
    public let addedIDs: Set<Int32>
    /// wordpiece, bpe or unigram, as model.json says it.
    public var kind: String { type(of: model).kind }

    let normalizers: [any NormalizerStep]
    let splitters: [any WordSplitter]
    let model: any SubwordModel
    /// Takes blanks out of offsets; nil: they stay.
    let trim: OffsetTrim?
    private let rawTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    private let addedByContent: [[UInt32]: Int32]

    init(
        normalizers: [any NormalizerStep],
        splitters: [any WordSplitter],
        model: any SubwordModel,
        addedTokens: [AddedToken] = [],
        trim: OffsetTrim? = nil,
        template: TextTemplate = .plain
    ) {
        self.normalizers = normalizers
        self.splitters = splitters
        self.model = model
        self.trim = trim
        self.template = template
        addedIDs = Set(addedTokens.map(\.id))
        addedByContent = Dictionary(
            addedTokens.map { ($0.content, $0.id) }, uniquingKeysWith: { $1 }
        )
        rawTokens = AddedTokens(addedTokens.filter { !$0.isNormalized }, pattern: \.content)
        normalizedTokens = AddedTokens(addedTokens.filter(\.isNormalized)) {
            Self.normalized($0.content[...], normalizers).scalars
        }
    }

    public func id(of entry: String) -> Int32? {
        let scalars = entry.unicodeScalars.map(\.value)
        return addedByContent[scalars] ?? model.id(of: scalars)
    }

    /// Tokens of a text, without special tokens at its ends.
    public func encode(_ text: String) -> Encoding {
        let scalars = text.unicodeScalars.map(\.value)
        var encoding = Encoding()
        encoding.reserveCapacity(scalars.count / 3)
        for part in rawTokens.split(scalars) {
            if let id = part.token {
                append(id, NormalizedText(scalars[part.range]), into: &encoding)
            } else {
                encode(Self.normalized(scalars[part.range], normalizers), into: &encoding)
            }
        }
        return encoding
    }

    private func encode(_ text: NormalizedText, into encoding: inout Encoding) {
        for part in normalizedTokens.split(text.scalars) {
            let inside = part.range.count == text.count ? text : text[part.range]
            if let id = part.token {
                append(id, inside, into: &encoding)
            } else {
                encodeWords(of: inside, into: &encoding)
            }
        }
    }

    private func encodeWords(of text: NormalizedText, into encoding: inout Encoding) {
        var words = Words(text)
        for splitter in splitters { splitter.apply(to: &words) }
        for range in words.ranges {
            var start = range.lowerBound
            for piece in model.cut(words.text.scalars[range]) {
                let inside = start..<(start + piece.count)
                let isRead = !piece.isUnknown || model.keepsUnknownText
                append(
                    piece.id, words.text, inside, startsWord: start == range.lowerBound,
                    isTrimmed: isRead, into: &encoding
                )
                start = inside.upperBound
            }
        }
    }

    private func append(_ id: Int32, _ text: NormalizedText, into encoding: inout Encoding) {
        append(
            id, text, 0..<text.count, startsWord: true, isTrimmed: true, into: &encoding
        )
    }

    @inline(__always)
    private func append(
        _ id: Int32, _ text: NormalizedText, _ inside: Range<Int>, startsWord: Bool,
        isTrimmed: Bool, into encoding: inout Encoding
    ) {
        var origin = text.origin(of: inside)
        if let trim, isTrimmed {
            origin = trim.trimmed(
                origin, of: text.scalars[inside], isFirst: encoding.count == 0
            )
        }
        encoding.append(id, origin, startsWord: startsWord)
    }

    private static func normalized(
        _ scalars: ArraySlice<UInt32>, _ steps: [any NormalizerStep]
    ) -> NormalizedText {
        var text = NormalizedText(scalars)
        for step in steps { step.apply(to: &text) }
        return text
    }
}

/// Takes the blanks at the ends of a token out of its range, as RoBERTa's post-processor does.
struct OffsetTrim: Equatable, Sendable {
    let addsPrefixSpace: Bool

    /// - Parameter scalars: the token's text.
    @inline(__always)
    func trimmed(
        _ range: Range<Int>, of scalars: ArraySlice<UInt32>, isFirst: Bool
    ) -> Range<Int> {
        let spaces = ScalarSet.whiteSpace
        let isSpace = { (scalar: UInt32) in scalar == ByteLevel.space || spaces.contains(scalar) }
        var leading = scalars.prefix(while: isSpace).count
        let trailing = scalars.reversed().prefix(while: isSpace).count
        var (start, end) = (range.lowerBound, range.upperBound)
        // A single blank before the first token is the one that was added.
        if leading == 1 && addsPrefixSpace && (isFirst || start == 0) { leading = 0 }
        start = min(start + leading, end)
        if trailing > 0 && end >= trailing { end = max(end - trailing, start) }
        return start..<end
    }
}
