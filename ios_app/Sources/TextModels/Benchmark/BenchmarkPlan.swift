/// What to measure: each model on each compute unit at each of its lengths.
public struct BenchmarkPlan: Equatable, Sendable {
    /// One model on one compute unit at one length.
    public struct Step: Equatable, Sendable {
        public let bundle: ModelBundle
        public let options: LoadOptions
        public let length: Int
        /// The first model a second time: its ratio to itself shows what the noise alone does.
        public let isControl: Bool

        public var computeUnit: ComputeUnit { options.computeUnit }
    }

    /// Steps that are compared with each other: one compute unit, one length.
    public struct Group: Equatable, Sendable {
        public let computeUnit: ComputeUnit
        public let length: Int
        public let steps: [Step]
    }

    /// Predictions of each step before the first that counts.
    public var warmUp: Int
    /// Turns over the steps of a group.
    public var rounds: Int
    /// Predictions of a step in one turn.
    public var runsPerRound: Int
    /// How long each step runs alone after the turns of its group, without a pause; zero: not.
    public var sustained: Duration
    public let groups: [Group]

    /// Lengths that a model does not take are left out; numbers are brought into their range.
    ///
    /// - Parameters:
    ///   - frameworks: each model that holds several of them is measured with each; none: every
    ///     model with the newest that can.
    ///   - control: whether the first model is measured a second time.
    public init(
        bundles: [ModelBundle],
        computeUnits: [ComputeUnit],
        lengths: [Int],
        frameworks: [Framework] = [],
        reshapeFrequency: ReshapeFrequency = .frequent,
        specialization: SpecializationStrategy = .balanced,
        control: Bool = false,
        warmUp: Int = 5,
        rounds: Int = 20,
        runsPerRound: Int = 5,
        sustained: Duration = .zero
    ) {
        self.warmUp = min(max(warmUp, 0), Self.most)
        self.rounds = min(max(rounds, 1), Self.most)
        self.runsPerRound = min(max(runsPerRound, 1), Self.most)
        self.sustained = min(max(sustained, .zero), .seconds(3600))
        let contenders = bundles.flatMap { bundle in
            let held = frameworks.filter { bundle.settings.format(for: $0) != nil }
            let choices: [Framework?] = frameworks.isEmpty ? [nil] : held
            return choices.map { (bundle: bundle, framework: $0) }
        }
        groups = computeUnits.flatMap { unit in
            lengths.compactMap { length in
                let able = contenders.filter { $0.bundle.settings.lengths.contains(length) }
                guard let first = able.first else { return nil }
                let all = able.map { ($0, false) } + (control ? [(first, true)] : [])
                return Group(computeUnit: unit, length: length, steps: all.map { contender, again in
                    let options = LoadOptions(
                        framework: contender.framework, computeUnit: unit,
                        reshapeFrequency: reshapeFrequency, specialization: specialization
                    )
                    return Step(
                        bundle: contender.bundle, options: options, length: length, isControl: again
                    )
                })
            }
        }
    }

    /// Warm-up, rounds and predictions in a turn, each at most.
    static let most = 1_000_000

    public var steps: [Step] { groups.flatMap(\.steps) }

    /// Predictions in all, without those of sustained runs.
    public var predictions: Int { steps.count * (warmUp + rounds * runsPerRound) }

    /// What progress counts: predictions, and seconds of sustained runs.
    var ticks: Int {
        predictions + steps.filter { !$0.isControl }.count * Int(sustained.components.seconds)
    }
}

/// Orders of turns that change from round to round: a random order, then its reverse, so that
/// each contender comes before and after each other one equally often.
struct TurnOrder {
    private var generator: SplitMix64
    private var order: [Int]
    private var isReversed = true

    init(count: Int, seed: UInt64 = 0) {
        generator = SplitMix64(seed: seed)
        order = Array(0..<count)
    }

    mutating func next() -> [Int] {
        isReversed.toggle()
        if isReversed { return order.reversed() }
        order.shuffle(using: &generator)
        return order
    }
}

/// A small generator of random numbers that repeats itself from its seed (Steele et al., 2014).
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
