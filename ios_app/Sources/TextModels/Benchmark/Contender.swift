/// A loaded model and its times so far.
struct Contender {
    let step: BenchmarkPlan.Step
    let model: LoadedModel
    let input: ModelInput
    var firstPrediction: Double?
    var milliseconds: [Double] = []
    var rounds: [Int] = []

    init(step: BenchmarkPlan.Step, model: LoadedModel) throws {
        self.step = step
        self.model = model
        input = ModelInput(filled: step.length, settings: step.bundle.settings)
    }

    func serves(_ other: BenchmarkPlan.Step) -> Bool {
        step.bundle == other.bundle && step.options == other.options
            && step.isControl == other.isControl
    }

    /// The same loaded model at another length.
    func anew(for step: BenchmarkPlan.Step) throws -> Contender {
        try Contender(step: step, model: model)
    }

    /// One prediction; it counts in a round, and not in the warm-up (`round` is nil).
    mutating func predict(round: Int?) async throws {
        let time = try await time()
        if firstPrediction == nil { firstPrediction = time }
        guard let round else { return }
        milliseconds.append(time)
        rounds.append(round)
    }

    /// One prediction that counts nowhere.
    ///
    /// - Returns: what it took, in milliseconds.
    func time() async throws -> Double {
        try Task.checkCancellation()
        return try await model.predictor.predict(input).milliseconds
    }

    func row(
        warmUp: Int,
        thermalStateBefore: String,
        _ power: PowerState,
        _ probe: any DeviceProbe,
        plan: ComputePlanShares?,
        checks: ModelChecks?
    ) -> BenchmarkRow {
        let settings = step.bundle.settings
        let takesHints = model.framework == .coreML
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
            framework: model.framework,
            compileMilliseconds: model.preparationMilliseconds,
            loadMilliseconds: model.loadMilliseconds,
            firstPredictionMilliseconds: firstPrediction,
            packageBytes: model.bytes,
            peakMemoryBytes: probe.peakMemoryBytes,
            isLowPower: power.isLowPower,
            batteryLevel: power.batteryLevel,
            isCharging: power.isCharging,
            computePlan: plan,
            reshapeFrequency: takesHints ? step.options.reshapeFrequency : nil,
            specialization: takesHints ? step.options.specialization : nil,
            checks: checks
        )
    }
}
