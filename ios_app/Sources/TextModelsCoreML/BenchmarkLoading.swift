#if canImport(CoreML)
import CoreML
import Foundation
import TextModels

extension BenchmarkSubject {
    /// Compiles (once) and loads a model for a measurement, with the time of each and the plan
    /// of the system: what runs on the Neural Engine, the GPU and the CPU.
    public static func coreML(
        for step: BenchmarkPlan.Step, cache: CompiledModelCache = .standard
    ) async throws -> BenchmarkSubject {
        let compiled = try await cache.compiledModel(for: step.bundle)
        let start = ContinuousClock.now
        let predictor = try await CoreMLPredictor.load(
            step.bundle, computeUnit: step.computeUnit, cache: cache
        )
        let loading = (ContinuousClock.now - start).milliseconds
        let plan = try? await ComputePlanShares(
            model: compiled.url, computeUnit: step.computeUnit
        )
        return BenchmarkSubject(
            predictor: predictor,
            framework: "coreml",
            compileMilliseconds: compiled.milliseconds,
            loadMilliseconds: loading,
            packageBytes: step.bundle.packageBytes,
            computePlan: plan
        )
    }
}

extension ComputePlanShares {
    /// The plan of the system for a compiled model; nil when the model is no ML program.
    init?(model: URL, computeUnit: ComputeUnit) async throws {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = computeUnit.mlComputeUnits
        let plan = try await MLComputePlan.load(contentsOf: model, configuration: configuration)
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
#endif
