/// Cuts words into entries of a vocabulary.
protocol SubwordModel: Sendable {
    /// What model.json calls a tokenizer with this model.
    static var kind: String { get }

    /// Whether a token for something unknown is read, when offsets are trimmed, as the text it stands
    /// for, not as the name of the token.
    var keepsUnknownText: Bool { get }

    /// The pieces of a word, in its order; together they cover it.
    func cut(_ word: ArraySlice<UInt32>) -> [Piece]

    /// The id of an entry, or nil.
    func id(of scalars: [UInt32]) -> Int32?

    /// Number of entries.
    var size: Int { get }
}

struct Piece: Equatable {
    let id: Int32
    /// Scalars covered.
    let count: Int
    var isUnknown = false
}
