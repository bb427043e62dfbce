/// Whether the device saves power.
public struct PowerState: Equatable, Sendable {
    public var isLowPower: Bool?
    /// From 0 to 1; nil where there is no battery.
    public var batteryLevel: Double?
    public var isCharging: Bool?

    public init(isLowPower: Bool? = nil, batteryLevel: Double? = nil, isCharging: Bool? = nil) {
        self.isLowPower = isLowPower
        self.batteryLevel = batteryLevel
        self.isCharging = isCharging
    }
}

/// What the machine says of itself beside the measurement.
public protocol DeviceProbe: Sendable {
    /// nominal, fair, serious or critical.
    var thermalState: String { get }
    /// Memory of this process in bytes.
    var memoryBytes: Int { get }
    /// The most memory that this process had, in bytes; nil when the system does not say.
    var peakMemoryBytes: Int? { get }

    func powerState() async -> PowerState
}

/// A model that is loaded to be measured, and what its loading took.
public struct BenchmarkSubject: Sendable {
    public let predictor: any ModelPredictor
    /// coreml or coreai.
    public let framework: String
    /// Nil when a compiled model was at hand.
    public let compileMilliseconds: Double?
    public let loadMilliseconds: Double
    public let packageBytes: Int?
    /// Where the system plans to run the operations; nil when it does not say.
    public let computePlan: ComputePlanShares?

    public init(
        predictor: any ModelPredictor,
        framework: String,
        compileMilliseconds: Double?,
        loadMilliseconds: Double,
        packageBytes: Int?,
        computePlan: ComputePlanShares?
    ) {
        self.predictor = predictor
        self.framework = framework
        self.compileMilliseconds = compileMilliseconds
        self.loadMilliseconds = loadMilliseconds
        self.packageBytes = packageBytes
        self.computePlan = computePlan
    }
}

/// Measures neural inference in turns: what is compared is measured in the same minutes, at the
/// same temperature. In blocks, one model after the other, a model can be "faster" than itself.
public struct BenchmarkRunner: Sendable {
    public typealias Load = @Sendable (BenchmarkPlan.Step) async throws -> BenchmarkSubject
    public typealias Sleep = @Sendable (Duration) async throws -> Void

    /// Longest wait for a cool device before a group, and the time between two looks.
    public static let longestWait = Duration.seconds(120)
    static let waitStep = Duration.seconds(2)

    private let load: Load
    private let probe: any DeviceProbe
    private let sleep: Sleep

    public init(
        load: @escaping Load,
        probe: any DeviceProbe,
        sleep: @escaping Sleep = { try await Task.sleep(for: $0) }
    ) {
        self.load = load
        self.probe = probe
        self.sleep = sleep
    }

    /// Runs a plan, group by group. The models of one compute unit stay loaded over its lengths.
    ///
    /// - Parameters:
    ///   - progress: called after each prediction with the share done, from 0 to 1.
    ///   - finished: called with the rows of a group as soon as it is measured, so that a
    ///     cancelled run keeps what it has.
    /// - Throws: `CancellationError`, or whatever loading or predicting throws.
    public func run(
        _ plan: BenchmarkPlan,
        progress: @Sendable (Double) async -> Void,
        finished: @Sendable ([BenchmarkRow]) async -> Void
    ) async throws {
        var loaded: [Contender] = []
        var done = 0
        for group in plan.groups {
            loaded.removeAll { $0.step.computeUnit != group.computeUnit }
            var contenders: [Contender] = []
            for step in group.steps {
                try Task.checkCancellation()
                if let ready = loaded.first(where: { $0.serves(step) }) {
                    contenders.append(try ready.anew(for: step))
                } else {
                    let contender = try await Contender(step: step, subject: load(step))
                    loaded.append(contender)
                    contenders.append(contender)
                }
            }
            await finished(try await measure(contenders, plan) {
                done += 1
                await progress(Double(done) / Double(plan.predictions))
            })
        }
    }

    private func measure(
        _ group: [Contender], _ plan: BenchmarkPlan, tick: () async -> Void
    ) async throws -> [BenchmarkRow] {
        var contenders = group
        for index in contenders.indices {
            for _ in 0..<plan.warmUp {
                try await contenders[index].predict(round: nil)
                await tick()
            }
        }
        try await waitUntilCool()
        let (thermalState, power) = (probe.thermalState, await probe.powerState())
        var order = TurnOrder(count: contenders.count)
        for round in 0..<plan.rounds {
            for index in order.next() {
                for _ in 0..<plan.runsPerRound {
                    try await contenders[index].predict(round: round)
                    await tick()
                }
            }
        }
        return contenders.map {
            $0.row(warmUp: plan.warmUp, thermalStateBefore: thermalState, power, probe)
        }
    }

    /// Waits for a nominal thermal state, but not for ever; the rows say what it was.
    private func waitUntilCool() async throws {
        var waited = Duration.zero
        while probe.thermalState != "nominal", waited < Self.longestWait {
            try await sleep(Self.waitStep)
            waited += Self.waitStep
        }
    }
}

/// A loaded model and its times so far.
private struct Contender {
    let step: BenchmarkPlan.Step
    let subject: BenchmarkSubject
    let input: ModelInput
    var firstPrediction: Double?
    var milliseconds: [Double] = []
    var rounds: [Int] = []

    init(step: BenchmarkPlan.Step, subject: BenchmarkSubject) throws {
        self.step = step
        self.subject = subject
        input = ModelInput(filled: step.length, settings: step.bundle.settings)
    }

    func serves(_ other: BenchmarkPlan.Step) -> Bool {
        step.bundle == other.bundle && step.computeUnit == other.computeUnit
            && step.isControl == other.isControl
    }

    /// The same loaded model at another length.
    func anew(for step: BenchmarkPlan.Step) throws -> Contender {
        try Contender(step: step, subject: subject)
    }

    /// One prediction; it counts in a round, and not in the warm-up (`round` is nil).
    mutating func predict(round: Int?) async throws {
        try Task.checkCancellation()
        let time = try await subject.predictor.predict(input).milliseconds
        if firstPrediction == nil { firstPrediction = time }
        guard let round else { return }
        milliseconds.append(time)
        rounds.append(round)
    }

    func row(
        warmUp: Int, thermalStateBefore: String, _ power: PowerState, _ probe: any DeviceProbe
    ) -> BenchmarkRow {
        let settings = step.bundle.settings
        return BenchmarkRow(
            model: step.bundle.id,
            quantization: settings.quantization,
            layout: settings.layout,
            randomWeights: settings.randomWeights,
            computeUnit: step.computeUnit,
            length: step.length,
            warmUp: warmUp,
            milliseconds: milliseconds,
            memoryBytes: probe.memoryBytes,
            thermalStateBefore: thermalStateBefore,
            thermalState: probe.thermalState,
            rounds: rounds,
            isControl: step.isControl,
            framework: subject.framework,
            compileMilliseconds: subject.compileMilliseconds,
            loadMilliseconds: subject.loadMilliseconds,
            firstPredictionMilliseconds: firstPrediction,
            packageBytes: subject.packageBytes,
            peakMemoryBytes: probe.peakMemoryBytes,
            isLowPower: power.isLowPower,
            batteryLevel: power.batteryLevel,
            isCharging: power.isCharging,
            computePlan: subject.computePlan
        )
    }
}
