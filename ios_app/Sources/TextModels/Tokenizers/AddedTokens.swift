/// A token that is taken from a text before the model cuts the rest.
struct AddedToken: Equatable, Sendable {
    let id: Int32
    let content: [UInt32]
    /// Taken only between scalars that are not of a word.
    var isSingleWord = false
    /// Takes the white space before it, or behind it, too.
    var stripsLeft = false
    var stripsRight = false
    /// Looked for in the normalised text, in its own normal form; else in the text as it is.
    var isNormalized = false
}

/// The added tokens of a tokenizer, those of one kind: normalised or not.
struct AddedTokens: Sendable {
    /// A part of a text: an added token, or what lies between two.
    struct Part {
        let token: Int32?
        let range: Range<Int>
    }

    private var tree = ScalarTree()
    private var tokens: [AddedToken] = []
    /// First scalars of the tokens: elsewhere there is nothing to look for.
    private var begins: Set<UInt32> = []

    init(_ tokens: [AddedToken], pattern: (AddedToken) -> [UInt32]) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() {
            let scalars = pattern(token)
            tree.insert(scalars, Int32(index))
            begins.formUnion(scalars.prefix(1))
        }
    }

    /// Parts of a text in its order: at each place the longest token is taken. A token that strips
    /// white space can overlap the one behind it, as in the library.
    func split(_ scalars: [UInt32]) -> [Part] {
        var parts: [Part] = []
        var (taken, position) = (0, 0)
        while position < scalars.count {
            guard begins.contains(scalars[position]),
                let match = tree.longestMatch(scalars[position...])
            else {
                position += 1
                continue
            }
            let token = tokens[Int(match.value)]
            let range = position..<(position + match.count)
            position = range.upperBound
            if token.isSingleWord && !Self.isAlone(range, in: scalars) { continue }
            let found = Self.widened(range, by: token, in: scalars, from: taken)
            if taken < found.lowerBound {
                parts.append(Part(token: nil, range: taken..<found.lowerBound))
            }
            parts.append(Part(token: token.id, range: found))
            taken = found.upperBound
        }
        if taken != scalars.count { parts.append(Part(token: nil, range: taken..<scalars.count)) }
        return parts
    }

    private static func isAlone(_ range: Range<Int>, in scalars: [UInt32]) -> Bool {
        let words = ScalarSet.wordCharacters
        return (range.lowerBound == 0 || !words.contains(scalars[range.lowerBound - 1]))
            && (range.upperBound == scalars.count || !words.contains(scalars[range.upperBound]))
    }

    private static func widened(
        _ range: Range<Int>, by token: AddedToken, in scalars: [UInt32], from taken: Int
    ) -> Range<Int> {
        let spaces = ScalarSet.whiteSpace
        var (start, end) = (range.lowerBound, range.upperBound)
        if token.stripsLeft {
            while start > 0 && spaces.contains(scalars[start - 1]) { start -= 1 }
            start = max(start, taken)
        }
        if token.stripsRight {
            while end < scalars.count && spaces.contains(scalars[end]) { end += 1 }
        }
        return start..<end
    }
}
