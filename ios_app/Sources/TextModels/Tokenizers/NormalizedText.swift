/// Scalars with the range of the original text that each stands for, in Unicode scalars.
struct NormalizedText {
    private(set) var scalars: [UInt32] = []
    private(set) var starts: [Int32] = []
    private(set) var ends: [Int32] = []

    var count: Int { scalars.count }
    var isEmpty: Bool { scalars.isEmpty }

    init() {}

    /// A part of a text as it is; its indices count the scalars before it.
    init(_ part: ArraySlice<UInt32>) {
        scalars = Array(part)
        starts = part.indices.map(Int32.init)
        ends = part.indices.map { Int32($0) + 1 }
    }

    mutating func reserveCapacity(_ count: Int) {
        scalars.reserveCapacity(count)
        starts.reserveCapacity(count)
        ends.reserveCapacity(count)
    }

    @inline(__always)
    mutating func append(_ scalar: UInt32, _ origin: Origin) {
        scalars.append(scalar)
        starts.append(origin.start)
        ends.append(origin.end)
    }

    mutating func append(_ text: NormalizedText, _ range: Range<Int>) {
        scalars += text.scalars[range]
        starts += text.starts[range]
        ends += text.ends[range]
    }

    subscript(_ range: Range<Int>) -> NormalizedText {
        var part = NormalizedText()
        part.append(self, range)
        return part
    }

    @inline(__always)
    func origin(_ position: Int) -> Origin { Origin(starts[position], ends[position]) }

    /// The range of the original text that scalars of this one stand for.
    @inline(__always)
    func origin(of range: Range<Int>) -> Range<Int> {
        let start = Int(starts[range.lowerBound])
        return start..<max(start, Int(ends[range.upperBound - 1]))
    }

    /// Each scalar by its own; origins stay.
    mutating func map(_ change: (UInt32) -> UInt32) {
        for position in scalars.indices { scalars[position] = change(scalars[position]) }
    }

    /// The scalars that are kept, each with its origin.
    mutating func filter(_ isKept: (UInt32) -> Bool) {
        guard !scalars.allSatisfy(isKept) else { return }
        var kept = NormalizedText()
        for position in scalars.indices where isKept(scalars[position]) {
            kept.append(scalars[position], origin(position))
        }
        self = kept
    }

    /// Replaces the whole text, as `NormalizedString::transform` of the library does: origins
    /// follow positions, whatever scalar a new one was made of.
    mutating func transform(_ steps: [TransformStep]) {
        var (changed, position) = (NormalizedText(), 0)
        changed.reserveCapacity(steps.count)
        for step in steps {
            if step.change > 0 {
                changed.append(step.scalar, position > 0 ? origin(position - 1) : Origin(0, 0))
            } else {
                // The library ends with an error where there is nothing left to replace.
                changed.append(step.scalar, origin(min(position, count - 1)))
                position = min(position + 1 - step.change, count)
            }
        }
        self = changed
    }
}

/// A scalar of a changed text. Change 1: it is new; 0: it replaces one; -n: and n behind it go.
struct TransformStep: Equatable {
    var scalar: UInt32
    var change: Int
}

/// A range of the original text, in Unicode scalars.
struct Origin {
    var start: Int32
    var end: Int32

    @inline(__always)
    init(_ start: Int32, _ end: Int32) {
        self.start = start
        self.end = end
    }
}
