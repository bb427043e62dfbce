/// Scalars with the range of the original text that each stands for, in Unicode scalars.
struct NormalizedText {
    private(set) var scalars: [UInt32] = []
    private(set) var starts: [Int32] = []
    private(set) var ends: [Int32] = []

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

    /// The range of the original text that scalars of this one stand for.
    @inline(__always)
    func origin(of range: Range<Int>) -> Range<Int> {
        let start = Int(starts[range.lowerBound])
        return start..<max(start, Int(ends[range.upperBound - 1]))
    }
}

/// A range of the original text, in Unicode scalars.
struct Origin {
    var start: Int32
    var end: Int32

    init(_ start: Int32, _ end: Int32) {
        self.start = start
        self.end = end
    }
}
