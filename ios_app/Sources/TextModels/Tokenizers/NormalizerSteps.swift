/// A part of a tokenizer's normaliser. Scalars keep the range of the original text that they stand
/// for, as the library's alignments have it.
protocol NormalizerStep: Sendable {
    func apply(to text: inout NormalizedText)
}

extension BertNormalizer: NormalizerStep {
    func apply(to text: inout NormalizedText) { text = normalize(text) }
}

struct StripAccents: NormalizerStep {
    func apply(to text: inout NormalizedText) {
        let marks = ScalarSet.marks
        text.filter { !marks.contains($0) }
    }
}

struct Lowercase: NormalizerStep {
    func apply(to text: inout NormalizedText) {
        let properties = ScalarProperties.shared
        var lowered = NormalizedText()
        lowered.reserveCapacity(text.count)
        for (position, scalar) in text.scalars.enumerated() {
            lowered.append(properties.lowercase(of: scalar), text.origin(position))
            if scalar == ScalarProperties.capitalIWithDot {
                lowered.append(ScalarProperties.combiningDot, text.origin(position))
            }
        }
        text = lowered
    }
}

/// Removes white space at the ends.
struct Strip: NormalizerStep {
    let left: Bool
    let right: Bool

    func apply(to text: inout NormalizedText) {
        let spaces = ScalarSet.whiteSpace
        let isInk = { (scalar: UInt32) in !spaces.contains(scalar) }
        guard let first = text.scalars.firstIndex(where: isInk),
            let last = text.scalars.lastIndex(where: isInk)
        else {
            if left || right { text = NormalizedText() }
            return
        }
        let range = (left ? first : 0)..<(right ? last + 1 : text.count)
        if range.count < text.count { text = text[range] }
    }
}

/// Puts a text before every text that is not empty.
struct Prepend: NormalizerStep {
    let content: [UInt32]

    func apply(to text: inout NormalizedText) {
        guard !text.isEmpty else { return }
        var longer = NormalizedText()
        for scalar in content { longer.append(scalar, text.origin(0)) }
        longer.append(text, 0..<text.count)
        text = longer
    }
}

/// Replaces what a pattern matches. What is put there stands for the last scalar that was matched.
struct Replace: NormalizerStep {
    let pattern: ReplacePattern
    let content: [UInt32]

    func apply(to text: inout NormalizedText) {
        var (replaced, copied, position) = (NormalizedText(), 0, 0)
        while position < text.count {
            let count = pattern.match(text.scalars[position...])
            guard count > 0 else {
                position += 1
                continue
            }
            replaced.append(text, copied..<position)
            position += count
            for scalar in content { replaced.append(scalar, text.origin(position - 1)) }
            copied = position
        }
        guard copied > 0 else { return }
        replaced.append(text, copied..<text.count)
        text = replaced
    }
}

/// A text, or one of the regular expressions that tokenizers of this kind are written with.
enum ReplacePattern: Sendable {
    case text([UInt32])
    /// A run of blanks or of white space, or a single scalar.
    case run(isBlank: Bool, atLeast: Int, singles: Set<UInt32>)

    /// Regular expressions by their source.
    static let known: [String: ReplacePattern] = [
        #" {2,}"#: .run(isBlank: true, atLeast: 2, singles: []),
        #"\s+"#: .run(isBlank: false, atLeast: 1, singles: []),
        #"\s{2,}"#: .run(isBlank: false, atLeast: 2, singles: []),
        #"\s{2,}|[\n\r\t]"#: .run(isBlank: false, atLeast: 2, singles: [0x9, 0xA, 0xD]),
    ]

    /// How many scalars are matched at the beginning; 0 for none.
    func match(_ scalars: ArraySlice<UInt32>) -> Int {
        switch self {
        case .text(let text):
            return scalars.starts(with: text) ? text.count : 0
        case .run(let isBlank, let atLeast, let singles):
            let spaces = ScalarSet.whiteSpace
            var count = 0
            for scalar in scalars {
                guard isBlank ? scalar == 0x20 : spaces.contains(scalar) else { break }
                count += 1
            }
            if count >= atLeast { return count }
            return scalars.first.map(singles.contains) == true ? 1 : 0
        }
    }
}
