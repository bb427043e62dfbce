/// Median and tail of measured times.
public struct Statistics: Equatable, Sendable {
    public let count: Int
    public let median: Double
    public let p90: Double
    public let p99: Double
    public let minimum: Double
    public let maximum: Double

    /// Nil without values.
    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        count = sorted.count
        median = Self.percentile(sorted, 50)
        p90 = Self.percentile(sorted, 90)
        p99 = Self.percentile(sorted, 99)
        minimum = sorted[0]
        maximum = sorted[sorted.count - 1]
    }

    /// A percentile of sorted values, linear between neighbours as `numpy.percentile` does it.
    static func percentile(_ sorted: [Double], _ percent: Double) -> Double {
        let position = percent / 100 * Double(sorted.count - 1)
        let below = Int(position)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
    }
}

extension Duration {
    public var milliseconds: Double {
        Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
    }
}
