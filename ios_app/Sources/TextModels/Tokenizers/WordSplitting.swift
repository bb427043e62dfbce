/// A part of a tokenizer's pre-tokenizer: cuts words further, and may change them.
protocol WordSplitter: Sendable {
    func apply(to words: inout Words)
}

/// A text that is cut into words, none of which is empty. What lies between them is left out.
struct Words {
    private(set) var text: NormalizedText
    private(set) var ranges: [Range<Int>] = []

    init(_ text: NormalizedText) {
        self.text = text
        if !text.isEmpty { ranges = [0..<text.count] }
    }

    init() { text = NormalizedText() }

    /// Cuts each word; the text stays.
    mutating func cut(_ parts: (Range<Int>, NormalizedText, inout [Range<Int>]) -> Void) {
        var shorter: [Range<Int>] = []
        shorter.reserveCapacity(ranges.count * 2)
        for range in ranges { parts(range, text, &shorter) }
        ranges = shorter
    }

    /// Adds a scalar to the last word, or begins one with it.
    @inline(__always)
    mutating func append(_ scalar: UInt32, _ origin: Origin, startsWord: Bool) {
        let position = text.count
        text.append(scalar, origin)
        if startsWord || ranges.isEmpty {
            ranges.append(position..<(position + 1))
        } else {
            ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound..<(position + 1)
        }
    }
}

/// Words without the white space between them.
struct WhitespaceSplit: WordSplitter {
    func apply(to words: inout Words) {
        let spaces = ScalarSet.whiteSpace
        words.cut { range, text, parts in
            var start = range.lowerBound
            for position in range where spaces.contains(text.scalars[position]) {
                if start < position { parts.append(start..<position) }
                start = position + 1
            }
            if start < range.upperBound { parts.append(start..<range.upperBound) }
        }
    }
}

/// Each punctuation mark becomes a word of its own.
struct PunctuationSplit: WordSplitter {
    func apply(to words: inout Words) {
        let punctuation = ScalarSet.punctuation
        words.cut { range, text, parts in
            var start = range.lowerBound
            for position in range where punctuation.contains(text.scalars[position]) {
                if start < position { parts.append(start..<position) }
                parts.append(position..<(position + 1))
                start = position + 1
            }
            if start < range.upperBound { parts.append(start..<range.upperBound) }
        }
    }
}

/// SentencePiece's words: a sign stands for each blank, and begins a word.
struct Metaspace: WordSplitter {
    /// Which words get the sign before them where they do not begin with it.
    enum Scheme: String, Sendable {
        case always, first, never
    }

    let sign: UInt32
    let scheme: Scheme
    let isSplit: Bool

    func apply(to words: inout Words) {
        var changed = Words()
        let text = words.text
        for range in words.ranges {
            let first = text.origin(range.lowerBound)
            let begin = text.scalars[range.lowerBound]
            var startsWord = true
            if begin != 0x20 && begin != sign
                && (scheme == .always || scheme == .first && first.start == 0) {
                changed.append(sign, first, startsWord: true)
                startsWord = false
            }
            for position in range {
                let scalar = text.scalars[position] == 0x20 ? sign : text.scalars[position]
                changed.append(
                    scalar, text.origin(position), startsWord: startsWord || isSplit && scalar == sign
                )
                startsWord = false
            }
        }
        words = changed
    }
}
