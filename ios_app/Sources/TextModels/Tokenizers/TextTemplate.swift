/// How a tokenizer puts special tokens around a text and joins two of them.
public struct TextTemplate: Equatable, Sendable {
    public enum Part: Equatable, Sendable {
        case special(id: Int32, type: Int32)
        case first(type: Int32)
        case second(type: Int32)
    }

    public let single: [Part]
    public let pair: [Part]

    public init(single: [Part], pair: [Part]) {
        self.single = single
        self.pair = pair
    }

    /// No special tokens: one text behind the other.
    public static let plain = TextTemplate(
        single: [.first(type: 0)], pair: [.first(type: 0), .second(type: 1)]
    )

    /// `[CLS] first [SEP] second [SEP]`.
    ///
    /// - Parameters:
    ///   - separators: between two texts, 1 or 2 (RoBERTa).
    ///   - secondType: type of the second text and of the separator behind it.
    public static func classAndSeparator(
        _ classID: Int32, _ separatorID: Int32, separators: Int = 1, secondType: Int32 = 1
    ) -> TextTemplate {
        let separator = Part.special(id: separatorID, type: 0)
        let single = [.special(id: classID, type: 0), .first(type: 0), separator]
        let between = Array(repeating: separator, count: separators > 1 ? 1 : 0)
        let second: [Part] = [
            .second(type: secondType), .special(id: separatorID, type: secondType),
        ]
        return TextTemplate(single: single, pair: single + between + second)
    }

    /// Whether both put the same special tokens in the same places, of whatever types.
    func hasTokens(of other: TextTemplate) -> Bool {
        let ids = { (parts: [Part]) in
            parts.map { if case .special(let id, _) = $0 { id } else { nil as Int32? } }
        }
        return ids(single) == ids(other.single) && ids(pair) == ids(other.pair)
    }

    /// - Parameter longest: most tokens, special ones included; nil: nothing is cut.
    func join(_ first: Encoding, _ second: Encoding?, longest: Int?) -> TokenSequence {
        let parts = second == nil ? single : pair
        let counts = Self.counts(
            first.count, second?.count, room: longest.map { max($0 - Self.specials(parts), 0) }
        )
        var joined = TokenSequence()
        for part in parts {
            switch part {
            case .special(let id, let type): joined.append(special: id, type)
            case .first(let type): joined.append(first, counts.first, type, text: 0)
            case .second(let type):
                if let second { joined.append(second, counts.second, type, text: 1) }
            }
        }
        return joined
    }

    private static func specials(_ parts: [Part]) -> Int {
        parts.count { if case .special = $0 { true } else { false } }
    }

    /// Tokens that are kept of each text: `truncate_encodings` of the library, longest first.
    static func counts(_ first: Int, _ second: Int?, room: Int?) -> (first: Int, second: Int) {
        guard let room, first + (second ?? 0) > room else { return (first, second ?? 0) }
        guard let second else { return (room, 0) }
        var shorter = min(first, second)
        var longer = shorter > room ? shorter : max(shorter, room - shorter)
        if shorter + longer > room {
            shorter = room / 2
            longer = shorter + room % 2
        }
        let counts = first > second ? (longer, shorter) : (shorter, longer)
        return (min(counts.0, first), min(counts.1, second))
    }
}

/// A text, or a pair of them, as model input: special tokens and all, without padding.
public struct TokenSequence: Equatable, Sendable {
    public private(set) var ids: [Int32] = []
    public private(set) var typeIDs: [Int32] = []
    /// In Unicode scalars of the token's own text; empty at 0 for special tokens.
    public private(set) var offsets: [Range<Int>] = []
    /// Which text a token is of, 0 or 1; nil for special tokens.
    public private(set) var texts: [Int?] = []
    /// The token's word of its text, as in `Encoding`; nil for special tokens.
    public private(set) var words: [Int?] = []

    public var count: Int { ids.count }

    fileprivate mutating func append(special id: Int32, _ type: Int32) {
        ids.append(id)
        typeIDs.append(type)
        offsets.append(0..<0)
        texts.append(nil)
        words.append(nil)
    }

    fileprivate mutating func append(
        _ encoding: Encoding, _ count: Int, _ type: Int32, text: Int
    ) {
        ids += encoding.ids.prefix(count)
        typeIDs += Array(repeating: type, count: count)
        offsets += encoding.offsets.prefix(count)
        texts += Array(repeating: text, count: count)
        words += encoding.words.prefix(count).map(Optional.some)
    }
}
