/// What BERT's normaliser needs to know of a Unicode scalar, from the tables of the library that
/// trained models are tokenized with. The system's own tables follow its Unicode version, so the
/// same text would give other tokens after an update.
struct ScalarProperties: Sendable {
    /// The classes of one scalar.
    struct Classes: OptionSet {
        let rawValue: UInt8
        static let removed = Classes(rawValue: 1)
        static let whiteSpace = Classes(rawValue: 2)
        static let ideograph = Classes(rawValue: 4)
        static let punctuation = Classes(rawValue: 8)
        static let nonspacingMark = Classes(rawValue: 16)
        /// Has a combining class above 0: canonical order may move it.
        static let combining = Classes(rawValue: 32)
        static let decomposes = Classes(rawValue: 64)
        static let hasLowercase = Classes(rawValue: 128)
    }

    static let shared = ScalarProperties()

    private var classes = [UInt8](repeating: 0, count: 0x110000)
    private var combiningClasses: [UInt32: UInt8] = [:]
    private var decompositions: [UInt32: [UInt32]] = [:]
    private var lowercaseForms: [UInt32: UInt32] = [:]

    private init() {
        mark(UnicodeClasses.removed, .removed)
        mark(UnicodeClasses.whiteSpace, .whiteSpace)
        mark(UnicodeClasses.ideographs, .ideograph)
        mark(UnicodeClasses.punctuation, .punctuation)
        mark(UnicodeClasses.nonspacingMarks, .nonspacingMark)
        readCombiningClasses()
        readDecompositions()
        readLowercaseForms()
    }

    @inline(__always)
    func classes(of scalar: UInt32) -> Classes {
        classes.withUnsafeBufferPointer { Classes(rawValue: $0[Int(scalar)]) }
    }

    func combiningClass(of scalar: UInt32) -> UInt8 {
        combiningClasses[scalar] ?? 0
    }

    /// The full canonical decomposition of a scalar that has one.
    func decomposition(of scalar: UInt32) -> [UInt32] {
        Hangul.decomposition(of: scalar) ?? decompositions[scalar] ?? [scalar]
    }

    /// The lower-case form. One scalar has a second: U+0130 is followed by U+0307.
    func lowercase(of scalar: UInt32) -> UInt32 {
        lowercaseForms[scalar] ?? scalar
    }

    static let capitalIWithDot: UInt32 = 0x130
    static let combiningDot: UInt32 = 0x307

    private mutating func mark(_ table: String, _ mark: Classes) {
        for entry in HexReader.entries(of: table) {
            var reader = HexReader(entry)
            let first = reader.number()
            add(mark, first...(reader.skip("-") ? reader.number() : first))
        }
    }

    private mutating func add(_ mark: Classes, _ range: ClosedRange<UInt32>) {
        classes.withUnsafeMutableBufferPointer { buffer in
            for scalar in range { buffer[Int(scalar)] |= mark.rawValue }
        }
    }

    private mutating func readCombiningClasses() {
        for entry in HexReader.entries(of: UnicodeClasses.combiningClasses) {
            var reader = HexReader(entry)
            let first = reader.number()
            _ = reader.skip("-")
            let last = reader.number()
            _ = reader.skip("=")
            let value = UInt8(reader.number())
            for scalar in first...last { combiningClasses[scalar] = value }
            add(.combining, first...last)
        }
    }

    private mutating func readDecompositions() {
        decompositions = HexReader.mapping(UnicodeMappings.decompositions)
        for scalar in decompositions.keys { add(.decomposes, scalar...scalar) }
        add(.decomposes, Hangul.syllables)
    }

    private mutating func readLowercaseForms() {
        for entry in HexReader.entries(of: UnicodeMappings.lowercase) {
            var reader = HexReader(entry)
            let first = reader.number()
            _ = reader.skip("-")
            let last = reader.number()
            _ = reader.skip("/")
            let step = reader.number()
            let down = reader.skip("-")
            if !down { _ = reader.skip("+") }
            let distance = reader.number()
            for scalar in stride(from: first, through: last, by: Int(step)) {
                lowercaseForms[scalar] = down ? scalar - distance : scalar + distance
                add(.hasLowercase, scalar...scalar)
            }
        }
    }
}

/// Hangul syllables decompose by arithmetic (Unicode Standard, section 3.12).
enum Hangul {
    static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3

    static func decomposition(of scalar: UInt32) -> [UInt32]? {
        guard syllables.contains(scalar) else { return nil }
        let index = scalar - syllables.lowerBound
        let (leading, vowel, trailing) = (index / 588, index % 588 / 28, index % 28)
        let pair = [0x1100 + leading, 0x1161 + vowel]
        return trailing == 0 ? pair : pair + [0x11A7 + trailing]
    }

    /// A syllable of a leading consonant and a vowel, or of a syllable and a trailing consonant.
    static func composed(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if (0x1100..<0x1113).contains(first) && (0x1161..<0x1176).contains(second) {
            return syllables.lowerBound + ((first - 0x1100) * 21 + second - 0x1161) * 28
        }
        let isOpen = syllables.contains(first) && (first - syllables.lowerBound) % 28 == 0
        return isOpen && (0x11A8..<0x11C3).contains(second) ? first + second - 0x11A7 : nil
    }
}

/// Reads hexadecimal numbers and the signs between them.
struct HexReader {
    private var rest: Substring.UTF8View.SubSequence

    init(_ entry: Substring.UTF8View.SubSequence) { rest = entry }

    /// The entries of a table, which blanks and line ends separate.
    static func entries(of table: String) -> [Substring.UTF8View.SubSequence] {
        table[...].utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    }

    /// A table of mappings, `c0: 41.300 41.301`: the results of scalars in a row.
    static func mapping(_ table: String) -> [UInt32: [UInt32]] {
        var results: [UInt32: [UInt32]] = [:]
        var scalar: UInt32 = 0
        for entry in entries(of: table) {
            var reader = HexReader(entry)
            var result = [reader.number()]
            if reader.skip(":") {
                scalar = result[0]
                continue
            }
            while reader.skip(".") { result.append(reader.number()) }
            results[scalar] = result
            scalar += 1
        }
        return results
    }

    mutating func number() -> UInt32 {
        var value: UInt32 = 0
        while let digit = rest.first.flatMap(Self.digit) {
            value = value << 4 | digit
            rest.removeFirst()
        }
        return value
    }

    mutating func skip(_ sign: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: sign) else { return false }
        rest.removeFirst()
        return true
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): return UInt32(byte - UInt8(ascii: "a") + 10)
        default: return nil
        }
    }
}
