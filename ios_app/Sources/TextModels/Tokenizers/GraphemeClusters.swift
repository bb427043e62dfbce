/// Ends of grapheme clusters (Unicode Standard Annex 29), as far as a cluster of less than 6 bytes
/// can tell: flags, emoji sequences and Indic conjuncts are always longer.
enum GraphemeClusters {
    /// The end of the cluster that begins at a position.
    @inline(__always)
    static func end(of scalars: [UInt32], from start: Int) -> Int {
        let next = start + 1
        guard next < scalars.count else { return next }
        // Nothing below U+0300 joins, but CR and LF.
        if scalars[start] < 0x300 && scalars[next] < 0x300 {
            return scalars[start] == 0xD && scalars[next] == 0xA ? next + 1 : next
        }
        return endOfMany(scalars, start)
    }

    static func bytes(_ scalars: ArraySlice<UInt32>) -> Int {
        scalars.reduce(0) { $0 + ($1 < 0x80 ? 1 : $1 < 0x800 ? 2 : $1 < 0x10000 ? 3 : 4) }
    }

    private static func endOfMany(_ scalars: [UInt32], _ start: Int) -> Int {
        var position = start
        while position + 1 < scalars.count,
            isJoined(scalars[position], scalars[position + 1], scalars[start...position]) {
            position += 1
        }
        return position + 1
    }

    /// Whether no cluster ends between two scalars; `cluster` ends with the first of them.
    private static func isJoined(
        _ first: UInt32, _ second: UInt32, _ cluster: ArraySlice<UInt32>
    ) -> Bool {
        if first == 0xD && second == 0xA { return true }
        if isControl(first) || isControl(second) { return false }
        if ScalarSet.extenders.contains(second) { return true }
        if ScalarSet.prepended.contains(first) { return true }
        return isHangul(first, second) || isPictogram(second) && endsWithJoinedPictogram(cluster)
    }

    private static func isControl(_ scalar: UInt32) -> Bool { ScalarSet.controls.contains(scalar) }

    private static func isHangul(_ first: UInt32, _ second: UInt32) -> Bool {
        let isLeading = { (scalar: UInt32) in
            (0x1100...0x115F).contains(scalar) || (0xA960...0xA97C).contains(scalar)
        }
        let isVowel = { (scalar: UInt32) in
            (0x1160...0x11A7).contains(scalar) || (0xD7B0...0xD7C6).contains(scalar)
        }
        let isTrailing = { (scalar: UInt32) in
            (0x11A8...0x11FF).contains(scalar) || (0xD7CB...0xD7FB).contains(scalar)
        }
        let isSyllable = Hangul.syllables.contains
        if isLeading(first) { return isLeading(second) || isVowel(second) || isSyllable(second) }
        if isTrailing(first) { return isTrailing(second) }
        if isVowel(first) { return isVowel(second) || isTrailing(second) }
        guard isSyllable(first) else { return false }
        let isOpen = (first - Hangul.syllables.lowerBound) % 28 == 0
        return isTrailing(second) || isOpen && isVowel(second)
    }

    /// The pictograms of 2 bytes, © and ®; with others a cluster is too long.
    private static func isPictogram(_ scalar: UInt32) -> Bool { scalar == 0xA9 || scalar == 0xAE }

    private static func endsWithJoinedPictogram(_ cluster: ArraySlice<UInt32>) -> Bool {
        cluster.last == 0x200D && cluster.dropLast().last.map(isPictogram) == true
    }
}
