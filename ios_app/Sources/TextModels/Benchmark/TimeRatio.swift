/// How many times faster one model is than another, with its 95% interval.
///
/// Times of one round stand or fall together, since they share the device's temperature and load:
/// whole rounds are drawn, the same for both (a paired block bootstrap; Künsch, 1989).
public struct TimeRatio: Equatable, Sendable {
    /// Median of the baseline / median of the other: above 1 the other is faster.
    public let ratio: Double
    public let low: Double
    public let high: Double

    /// Whether the interval excludes 1.
    public var isDifference: Bool { low > 1 || high < 1 }

    /// Nil when the rows do not share at least two rounds.
    public init?(
        baseline: BenchmarkRow, other: BenchmarkRow, resamples: Int = 1000, seed: UInt64 = 0
    ) {
        let (first, second) = (baseline.timesByRound, other.timesByRound)
        let shared = Set(first.keys).intersection(second.keys).sorted()
        guard shared.count >= 2, resamples > 0 else { return nil }
        let blocks = shared.map { (first[$0] ?? [], second[$0] ?? []) }
        var generator = SplitMix64(seed: seed)
        let ratios = (0..<resamples).map { _ in
            Self.ratio((0..<blocks.count).map { _ in
                blocks[Int.random(in: 0..<blocks.count, using: &generator)]
            })
        }.sorted()
        ratio = Self.ratio(blocks)
        low = Statistics.percentile(ratios, 2.5)
        high = Statistics.percentile(ratios, 97.5)
    }

    private static func ratio(_ blocks: [([Double], [Double])]) -> Double {
        median(blocks.flatMap(\.0)) / median(blocks.flatMap(\.1))
    }

    private static func median(_ values: [Double]) -> Double {
        Statistics.percentile(values.sorted(), 50)
    }
}

extension BenchmarkRow {
    /// The times of each round; empty when the rounds are not known (version 1).
    var timesByRound: [Int: [Double]] {
        guard let rounds, rounds.count == milliseconds.count else { return [:] }
        return Dictionary(grouping: zip(rounds, milliseconds), by: \.0)
            .mapValues { $0.map(\.1) }
    }
}
