import Foundation

/// The normaliser that SentencePiece compiles into a model: texts of a few bytes and what stands for
/// them, in a double array (darts-clone) over UTF-8 bytes.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let texts: [UInt8]
    /// What stands for each ASCII scalar; nil: it stays.
    private var ascii: [[UInt32]?] = []

    /// - Parameter data: the content of `precompiled_charsmap`. Nil when it is broken.
    init?(_ data: Data) {
        let bytes = [UInt8](data)
        guard bytes.count >= 4 else { return nil }
        let number = { (at: Int) in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * $1) }
        }
        let size = Int(number(0))
        guard size > 0, size % 4 == 0, size <= bytes.count - 4 else { return nil }
        units = stride(from: 4, to: 4 + size, by: 4).map(number)
        texts = Array(bytes[(4 + size)...])
        guard String(validating: texts, as: UTF8.self) != nil else { return nil }
        ascii = (0..<0x80).map { lookUp([UInt8($0)][...]) }
    }

    /// What stands for a scalar; nil: it stays.
    @inline(__always)
    func replacement(of scalar: UInt32) -> [UInt32]? {
        scalar < 0x80 ? ascii[Int(scalar)] : lookUp(Self.utf8(scalar)[...])
    }

    /// What stands for a cluster: the text of the *shortest* key that it begins with, whatever
    /// follows; that is how the library reads the map.
    func replacement(ofCluster scalars: ArraySlice<UInt32>) -> [UInt32]? {
        lookUp(scalars.flatMap(Self.utf8)[...])
    }

    private func lookUp(_ key: ArraySlice<UInt8>) -> [UInt32]? {
        var node = Self.distance(units[0])
        for byte in key {
            guard byte != 0 else { return nil }
            node ^= Int(byte)
            guard node < units.count else { return nil }
            let unit = units[node]
            guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
            node ^= Self.distance(unit)
            guard node < units.count else { return nil }
            if unit >> 8 & 1 == 1 { return text(at: Int(units[node] & ~(1 << 31))) }
        }
        return nil
    }

    private static func distance(_ unit: UInt32) -> Int {
        Int((unit >> 10) << ((unit & 1 << 9) >> 6))
    }

    private func text(at start: Int) -> [UInt32]? {
        guard start <= texts.count else { return nil }
        let end = texts[start...].firstIndex(of: 0) ?? texts.count
        return String(decoding: texts[start..<end], as: UTF8.self).unicodeScalars.map(\.value)
    }

    private static func utf8(_ scalar: UInt32) -> [UInt8] {
        Unicode.Scalar(scalar).map { Array(UTF8.encode($0).unsafelyUnwrapped) } ?? []
    }
}

extension CharacterMap: NormalizerStep {
    func apply(to text: inout NormalizedText) {
        var steps: [TransformStep] = []
        steps.reserveCapacity(text.count)
        var (isChanged, position) = (false, 0)
        let scalars = text.scalars
        while position < scalars.count {
            let end = GraphemeClusters.end(of: scalars, from: position)
            if end - position > 1, GraphemeClusters.bytes(scalars[position..<end]) < 6,
                let whole = replacement(ofCluster: scalars[position..<end]) {
                Self.replace(end - position, with: whole, in: &steps)
                isChanged = true
            } else {
                for scalar in scalars[position..<end] {
                    if let other = replacement(of: scalar) {
                        Self.replace(1, with: other, in: &steps)
                        isChanged = true
                    } else {
                        steps.append(TransformStep(scalar: scalar, change: 0))
                    }
                }
            }
            position = end
        }
        if isChanged { text.transform(steps) }
    }

    /// As the library counts: what goes is noted with the scalar before it, and lost where there is
    /// none, so that all later origins are too early.
    private static func replace(_ count: Int, with new: [UInt32], in steps: inout [TransformStep]) {
        for (index, scalar) in new.enumerated() {
            steps.append(TransformStep(scalar: scalar, change: index < count ? 0 : 1))
        }
        if new.count < count && !steps.isEmpty {
            steps[steps.count - 1].change -= count - new.count
        }
    }
}
