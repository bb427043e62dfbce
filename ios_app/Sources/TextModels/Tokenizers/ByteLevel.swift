/// GPT-2's words, each byte of them as a visible character.
struct ByteLevel: WordSplitter {
    let addsPrefixSpace: Bool
    /// Whether words are cut as GPT-2's regular expression does; else each text is one word:
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    let isSplit: Bool

    /// The character that stands for a blank.
    static let space: UInt32 = 0x120

    /// The character that stands for each byte: itself if it is visible, else the next after U+FF.
    static let characters: [UInt32] = {
        var next: UInt32 = 0x100
        return (UInt32(0)...0xFF).map { byte in
            let isVisible = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte)
                || (0xAE...0xFF).contains(byte)
            if isVisible { return byte }
            next += 1
            return next - 1
        }
    }()

    func apply(to words: inout Words) {
        let characters = Self.characters
        var changed = Words()
        for range in words.ranges {
            var text = words.text[range]
            if addsPrefixSpace && text.scalars[0] != 0x20 {
                Prepend(content: [0x20]).apply(to: &text)
            }
            var start = 0
            while start < text.count {
                let end = isSplit ? Self.wordEnd(text.scalars, from: start) : text.count
                for position in start..<end {
                    let origin = text.origin(position)
                    var startsWord = position == start
                    Self.forEachByte(of: text.scalars[position]) {
                        changed.append(characters[Int($0)], origin, startsWord: startsWord)
                        startsWord = false
                    }
                }
                start = end
            }
        }
        words = changed
    }

    @inline(__always)
    private static func forEachByte(of scalar: UInt32, _ body: (UInt8) -> Void) {
        if scalar < 0x80 { return body(UInt8(scalar)) }
        guard let scalar = Unicode.Scalar(scalar) else { return }
        for byte in UTF8.encode(scalar).unsafelyUnwrapped { body(byte) }
    }

    private enum Kind {
        case letter, number, space, other

        @inline(__always)
        init(_ scalar: UInt32) {
            if ScalarSet.letters.contains(scalar) {
                self = .letter
            } else if ScalarSet.whiteSpace.contains(scalar) {
                self = .space
            } else if ScalarSet.numbers.contains(scalar) {
                self = .number
            } else {
                self = .other
            }
        }
    }

    /// The end of the word that begins at a position.
    static func wordEnd(_ scalars: [UInt32], from start: Int) -> Int {
        if let end = contractionEnd(scalars, from: start) { return end }
        let isBlank = scalars[start] == 0x20
        let first = isBlank && start + 1 < scalars.count ? start + 1 : start
        let kind = Kind(scalars[first])
        if kind == .space { return spaceEnd(scalars, from: start) }
        var end = first + 1
        while end < scalars.count && Kind(scalars[end]) == kind { end += 1 }
        return end
    }

    /// White space but for its last scalar, which goes to the word behind it or is one alone.
    private static func spaceEnd(_ scalars: [UInt32], from start: Int) -> Int {
        var end = start
        while end < scalars.count && ScalarSet.whiteSpace.contains(scalars[end]) { end += 1 }
        return end == scalars.count || end == start + 1 ? end : end - 1
    }

    private static func contractionEnd(_ scalars: [UInt32], from start: Int) -> Int? {
        guard scalars[start] == 0x27 else { return nil }
        let rest = scalars[(start + 1)...]
        return contractions.first { rest.starts(with: $0) }.map { start + 1 + $0.count }
    }

    private static let contractions = ["s", "t", "re", "ve", "m", "ll", "d"].map {
        $0.unicodeScalars.map(\.value)
    }
}
