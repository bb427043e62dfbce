/// Numbers as `serde_json`, with which the `tokenizers` library reads its files, makes them of
/// decimals: it divides the digits by a power of ten, so the last bit can differ from the nearest
/// number. Scores of pieces are summed and compared, so that bit can decide between two cuts.
enum SerdeNumber {
    /// Nil where a number has no fraction or exponent, or an exponent beyond the table of powers.
    static func value(of text: ArraySlice<UInt8>) -> Double? {
        var (digits, exponent): (UInt64, Int) = (0, 0)
        var (isNegative, isFraction, isFull) = (false, false, false)
        var position = text.startIndex
        loop: while position < text.endIndex {
            let byte = text[position]
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                let rest = String(decoding: text[(position + 1)...], as: UTF8.self)
                guard let power = Int(rest), abs(power) < 1_000 else { return nil }
                exponent += power
                isFraction = true
                break loop
            default:
                let (product, isOver) = digits.multipliedReportingOverflow(by: 10)
                let (sum, isOverToo) = product.addingReportingOverflow(UInt64(byte - 48))
                isFull = isFull || isOver || isOverToo
                // Digits that do not fit are left out.
                if !isFull { digits = sum }
                if isFraction != isFull { exponent += isFull ? 1 : -1 }
            }
            position += 1
        }
        guard isFraction, (-308...308).contains(exponent), let power = Double("1e\(abs(exponent))")
        else { return nil }
        let value = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return isNegative ? -value : value
    }
}
