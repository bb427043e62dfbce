/// What the machine says of itself beside the measurement.
public protocol DeviceProbe: Sendable {
    /// nominal, fair, serious or critical.
    var thermalState: String { get }
    /// Memory of this process in bytes.
    var memoryBytes: Int { get }
}

/// What to measure: each model on each compute unit at each of its lengths.
public struct BenchmarkPlan: Equatable, Sendable {
    public struct Step: Equatable, Sendable {
        public let bundle: ModelBundle
        public let computeUnit: ComputeUnit
        public let length: Int
    }

    public var warmUp: Int
    public var runs: Int
    public let steps: [Step]

    /// Lengths that a model does not take are left out of its steps.
    public init(
        bundles: [ModelBundle],
        computeUnits: [ComputeUnit],
        lengths: [Int],
        warmUp: Int = 5,
        runs: Int = 50
    ) {
        self.warmUp = warmUp
        self.runs = runs
        steps = bundles.flatMap { bundle in
            computeUnits.flatMap { unit in
                bundle.settings.lengths.filter(lengths.contains).map {
                    Step(bundle: bundle, computeUnit: unit, length: $0)
                }
            }
        }
    }

    /// Predictions in all.
    public var predictions: Int { steps.count * (warmUp + runs) }
}

/// Measures neural inference step by step.
public struct BenchmarkRunner: Sendable {
    public typealias Load = @Sendable (ModelBundle, ComputeUnit) async throws -> any SpanPredictor

    private let load: Load
    private let probe: any DeviceProbe

    public init(load: @escaping Load, probe: any DeviceProbe) {
        self.load = load
        self.probe = probe
    }

    /// Runs a plan. A model stays loaded while steps in a row use it on the same unit.
    ///
    /// - Parameters:
    ///   - progress: called after each prediction with the share done, from 0 to 1.
    ///   - finished: called with each row as soon as it is measured, so that a cancelled run keeps
    ///     what it has.
    /// - Throws: `CancellationError`, or whatever loading or predicting throws.
    public func run(
        _ plan: BenchmarkPlan,
        progress: @Sendable (Double) async -> Void,
        finished: @Sendable (BenchmarkRow) async -> Void
    ) async throws {
        var loaded: (bundle: ModelBundle, unit: ComputeUnit, predictor: any SpanPredictor)?
        var done = 0
        for step in plan.steps {
            try Task.checkCancellation()
            if loaded?.bundle != step.bundle || loaded?.unit != step.computeUnit {
                loaded = nil
                let predictor = try await load(step.bundle, step.computeUnit)
                loaded = (step.bundle, step.computeUnit, predictor)
            }
            guard let predictor = loaded?.predictor else { continue }
            let row = try await measure(step, plan, predictor) {
                done += 1
                await progress(Double(done) / Double(plan.predictions))
            }
            await finished(row)
        }
    }

    private func measure(
        _ step: BenchmarkPlan.Step,
        _ plan: BenchmarkPlan,
        _ predictor: any SpanPredictor,
        tick: () async -> Void
    ) async throws -> BenchmarkRow {
        let settings = step.bundle.settings
        let input = ModelInput(filled: step.length, settings: settings)
        let before = probe.thermalState
        var times: [Double] = []
        for run in 0..<(plan.warmUp + plan.runs) {
            try Task.checkCancellation()
            let prediction = try await predictor.predict(input)
            if run >= plan.warmUp { times.append(prediction.milliseconds) }
            await tick()
        }
        return BenchmarkRow(
            model: step.bundle.id,
            quantization: settings.quantization,
            layout: settings.layout,
            randomWeights: settings.randomWeights,
            computeUnit: step.computeUnit,
            length: step.length,
            warmUp: plan.warmUp,
            milliseconds: times,
            memoryBytes: probe.memoryBytes,
            thermalStateBefore: before,
            thermalState: probe.thermalState
        )
    }
}
