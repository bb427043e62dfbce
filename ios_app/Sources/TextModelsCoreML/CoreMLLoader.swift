#if canImport(CoreML)
import CoreML
import Foundation
import TextModels

extension FrameworkLoader {
    /// Compiles a package once for this device and loads it.
    public static let coreML = FrameworkLoader(.coreML) { bundle, options, report in
        try await CoreMLPredictor.load(bundle, options, report: report)
    }
}

extension CoreMLPredictor {
    /// Compiles (once) and loads the package of a bundle, off the main thread.
    ///
    /// - Parameter report: called as the loading proceeds.
    /// - Throws: `TextModelsError`: the bundle has no such package, or the model's inputs and
    ///   outputs are not those of its settings; `CancellationError`; errors of Core ML.
    public static func load(
        _ bundle: ModelBundle,
        _ options: LoadOptions = LoadOptions(),
        cache: CompiledModelCache = .standard,
        report: FrameworkLoader.Report = { _ in }
    ) async throws -> LoadedModel {
        await report(.preparing)
        let compiled = try await cache.compiledModel(for: bundle)
        try Task.checkCancellation()
        await report(.loading)
        let start = ContinuousClock.now
        let predictor = try await load(compiled.url, bundle.settings, options)
        return LoadedModel(
            predictor: predictor,
            framework: .coreML,
            preparationMilliseconds: compiled.milliseconds,
            loadMilliseconds: (ContinuousClock.now - start).milliseconds,
            bytes: bundle.bytes(for: .coreML),
            computePlan: {
                try? await ComputePlanShares(model: compiled.url, options: options)
            }
        )
    }

    private static func load(
        _ compiled: URL, _ settings: ModelSettings, _ options: LoadOptions
    ) async throws -> CoreMLPredictor {
        var functions: [String?: MLModel] = [:]
        var models: [Int: MLModel] = [:]
        for length in settings.lengths {
            let function = settings.function(for: length)
            if functions[function] == nil {
                try Task.checkCancellation()
                let configuration = MLModelConfiguration(options)
                configuration.functionName = function
                functions[function] = try await MLModel.load(
                    contentsOf: compiled, configuration: configuration
                )
            }
            models[length] = functions[function]
        }
        return try CoreMLPredictor(models: models, settings: settings)
    }
}

extension ComputePlanShares {
    /// The plan of the system for a compiled model; nil when the model is no ML program.
    init?(model: URL, options: LoadOptions) async throws {
        let plan = try await MLComputePlan.load(
            contentsOf: model, configuration: MLModelConfiguration(options)
        )
        guard case .program(let program) = plan.modelStructure else { return nil }
        let operations = program.functions.values.flatMap(\.block.operations)
        // Constants have no device.
        self.init(operations: operations.compactMap { operation in
            plan.deviceUsage(for: operation).map {
                (Unit($0.preferred), plan.estimatedCost(of: operation)?.weight ?? 0)
            }
        })
    }
}

extension ComputePlanShares.Unit {
    init(_ device: MLComputeDevice) {
        switch device {
        case .neuralEngine: self = .neuralEngine
        case .gpu: self = .gpu
        case .cpu: self = .cpu
        @unknown default: self = .cpu
        }
    }
}

extension MLModelConfiguration {
    convenience init(_ options: LoadOptions) {
        self.init()
        computeUnits = options.computeUnit.mlComputeUnits
        optimizationHints.reshapeFrequency = options.reshapeFrequency.mlReshapeFrequency
        optimizationHints.specializationStrategy = options.specialization.mlStrategy
    }
}

extension ComputeUnit {
    var mlComputeUnits: MLComputeUnits {
        switch self {
        case .all: return .all
        case .cpu: return .cpuOnly
        case .gpu: return .cpuAndGPU
        case .neuralEngine: return .cpuAndNeuralEngine
        }
    }
}

extension ReshapeFrequency {
    var mlReshapeFrequency: MLOptimizationHints.ReshapeFrequency {
        switch self {
        case .frequent: return .frequent
        case .infrequent: return .infrequent
        }
    }
}

extension SpecializationStrategy {
    var mlStrategy: MLOptimizationHints.SpecializationStrategy {
        switch self {
        case .balanced: return .default
        case .fastPrediction: return .fastPrediction
        }
    }
}
#endif
