#if canImport(CoreML)
import CoreML
import Foundation
import TextModels
import os

/// Runs a package with Core ML.
///
/// `MLModel`'s asynchronous predictions may be made from any task; the models are set once and never
/// changed, which makes sharing it safe.
public final class CoreMLSpanPredictor: SpanPredictor, @unchecked Sendable {
    public let settings: ModelSettings
    /// By length. A package with a function for each length is loaded once for each: the functions
    /// share their weights, and each may run on the Neural Engine.
    private let models: [Int: MLModel]
    private let signposter = OSSignposter(subsystem: "TextModels", category: "Inference")

    /// Compiles (once) and loads the package of a bundle, off the main thread.
    ///
    /// - Throws: `TextModelsError.wrongModel` when the model's inputs and outputs are not
    ///   those of its settings; errors of Core ML.
    public static func load(
        _ bundle: ModelBundle,
        computeUnit: ComputeUnit,
        cache: CompiledModelCache = .standard
    ) async throws -> CoreMLSpanPredictor {
        try bundle.require(task: "qa")
        let compiled = try await cache.compiledModel(for: bundle)
        var functions: [String?: MLModel] = [:]
        var models: [Int: MLModel] = [:]
        for length in bundle.settings.lengths {
            let function = bundle.settings.function(for: length)
            if functions[function] == nil {
                let configuration = MLModelConfiguration()
                configuration.computeUnits = computeUnit.mlComputeUnits
                configuration.functionName = function
                functions[function] = try await MLModel.load(
                    contentsOf: compiled.url, configuration: configuration
                )
            }
            models[length] = functions[function]
        }
        return try CoreMLSpanPredictor(models: models, settings: bundle.settings)
    }

    init(models: [Int: MLModel], settings: ModelSettings) throws {
        self.models = models
        self.settings = settings
        for model in models.values { try Self.check(model.modelDescription, settings) }
    }

    private static func check(
        _ description: MLModelDescription, _ settings: ModelSettings
    ) throws {
        let inputs = Set(description.inputDescriptionsByName.keys)
        guard inputs == Set(settings.inputs) else {
            throw TextModelsError.wrongModel("its inputs are \(inputs.sorted())")
        }
        let outputs = Set(description.outputDescriptionsByName.keys)
        guard outputs.isSuperset(of: ["start_logits", "end_logits"]) else {
            throw TextModelsError.wrongModel("its outputs are \(outputs.sorted())")
        }
    }

    /// The clock and the signpost enclose the prediction alone: the input is ready before, the
    /// output is copied after.
    public func predict(_ input: ModelInput) async throws -> SpanPrediction {
        guard let model = models[input.length] else {
            throw TextModelsError.wrongModel("it takes no \(input.length) tokens")
        }
        let features = try provider(for: input)
        let interval = signposter.beginInterval("prediction")
        let start = ContinuousClock.now
        let output = try await model.prediction(from: features)
        let elapsed = ContinuousClock.now - start
        signposter.endInterval("prediction", interval)
        return SpanPrediction(
            logits: SpanLogits(
                start: try scores("start_logits", of: output),
                end: try scores("end_logits", of: output)
            ),
            milliseconds: elapsed.milliseconds
        )
    }

    private func provider(for input: ModelInput) throws -> MLDictionaryFeatureProvider {
        var values: [String: MLFeatureValue] = [:]
        for name in settings.inputs {
            guard let scalars = input.values(named: name) else {
                throw TextModelsError.wrongModel("it wants an input “\(name)”")
            }
            let array = MLShapedArray<Int32>(scalars: scalars, shape: [1, input.length])
            values[name] = MLFeatureValue(multiArray: MLMultiArray(array))
        }
        return try MLDictionaryFeatureProvider(dictionary: values)
    }

    /// Float16 outputs are widened.
    private func scores(_ name: String, of output: MLFeatureProvider) throws -> [Float] {
        guard let array = output.featureValue(for: name)?.multiArrayValue else {
            throw TextModelsError.wrongModel("it gives no “\(name)”")
        }
        return MLShapedArray<Float>(converting: array).scalars
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
#endif
