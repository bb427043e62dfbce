/// A set of Unicode scalars, a bit for each; the tables are those of the library.
struct ScalarSet: Sendable {
    static let letters = ScalarSet(UnicodeSets.letters)
    static let numbers = ScalarSet(UnicodeSets.numbers)
    static let wordCharacters = ScalarSet(UnicodeSets.words)
    static let marks = ScalarSet(UnicodeSets.marks)
    static let whiteSpace = ScalarSet(UnicodeClasses.whiteSpace)
    static let punctuation = ScalarSet(UnicodeClasses.punctuation)
    static let extenders = ScalarSet(UnicodeClusters.extenders)
    static let prepended = ScalarSet(UnicodeClusters.prepended)
    static let controls = ScalarSet(UnicodeClusters.controls)

    private var bits = [UInt64](repeating: 0, count: 0x110000 / 64)

    /// - Parameter table: ranges in hexadecimal, `41-5a 5f`.
    init(_ table: String) {
        for entry in HexReader.entries(of: table) {
            var reader = HexReader(entry)
            let first = reader.number()
            let last = reader.skip("-") ? reader.number() : first
            for scalar in first...last { bits[Int(scalar >> 6)] |= 1 << UInt64(scalar & 63) }
        }
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        bits.withUnsafeBufferPointer { $0[Int(scalar >> 6)] >> UInt64(scalar & 63) & 1 == 1 }
    }
}
