/// Token ids of a text, each with the range of the text it stands for.
public struct Encoding: Equatable, Sendable {
    public var ids: [Int32] = []
    /// In Unicode scalars of the text, as Python counts characters.
    public var offsets: [Range<Int>] = []

    /// Tokens of one word (one piece of the pre-tokenizer, or an added token) have one number; the
    /// numbers rise.
    public var words: [Int] = []

    public var count: Int { ids.count }

    public init() {}

    mutating func reserveCapacity(_ count: Int) {
        ids.reserveCapacity(count)
        offsets.reserveCapacity(count)
        words.reserveCapacity(count)
    }

    /// - Parameter startsWord: whether the token is the first of its word.
    @inline(__always)
    mutating func append(_ id: Int32, _ range: Range<Int>, startsWord: Bool) {
        let previous = words.last ?? -1
        ids.append(id)
        offsets.append(range)
        words.append(startsWord ? previous + 1 : max(previous, 0))
    }
}

/// Turns text into token ids as the `tokenizers` library does with the same tokenizer.json.
public protocol Tokenizer: Sendable {
    /// How texts are put between special tokens.
    var template: TextTemplate { get }
    /// Ids of the tokens that are taken from a text before the model cuts the rest of it.
    var addedIDs: Set<Int32> { get }

    /// Tokens of a text, without special tokens at its ends.
    func encode(_ text: String) -> Encoding

    /// The id of an entry of the vocabulary or of an added token, or nil.
    func id(of entry: String) -> Int32?
}

extension Tokenizer {
    /// A text, or a pair of them, with special tokens: `encode(first, second)` in Python.
    ///
    /// - Parameter longest: most tokens, special ones included; of a pair the longer text is cut
    ///   first, at its end (`longest_first`). Nil: nothing is cut.
    public func sequence(
        _ first: String, _ second: String? = nil, longest: Int? = nil
    ) -> TokenSequence {
        template.join(encode(first), second.map(encode), longest: longest)
    }
}
