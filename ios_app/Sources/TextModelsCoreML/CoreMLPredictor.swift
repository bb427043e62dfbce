#if canImport(CoreML)
import CoreML
import Foundation
import TextModels
import os

/// Runs a package with Core ML.
///
/// `MLModel`'s asynchronous predictions may be made from any task; the models are set once and never
/// changed, which makes sharing it safe.
public final class CoreMLPredictor: ModelPredictor, @unchecked Sendable {
    public let settings: ModelSettings
    /// By length. A package with a function for each length is loaded once for each: the functions
    /// share their weights, and each may run on the Neural Engine.
    private let models: [Int: MLModel]
    private let signposter = OSSignposter(subsystem: "TextModels", category: "Inference")

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
        guard outputs.isSuperset(of: settings.outputs) else {
            throw TextModelsError.wrongModel("its outputs are \(outputs.sorted())")
        }
    }

    /// The clock and the signpost enclose the prediction alone: the input is ready before, the
    /// output is copied after.
    public func predict(_ input: ModelInput) async throws -> ModelOutputs {
        guard let model = models[input.length] else {
            throw TextModelsError.wrongModel("it takes no \(input.length) tokens")
        }
        let features = try provider(for: input)
        let interval = signposter.beginInterval("prediction")
        let start = ContinuousClock.now
        let output = try await model.prediction(from: features)
        let elapsed = ContinuousClock.now - start
        signposter.endInterval("prediction", interval)
        var tensors: [String: Tensor] = [:]
        for name in settings.outputs { tensors[name] = try tensor(name, of: output) }
        return ModelOutputs(tensors: tensors, milliseconds: elapsed.milliseconds)
    }

    private func provider(for input: ModelInput) throws -> MLDictionaryFeatureProvider {
        var values: [String: MLFeatureValue] = [:]
        for name in settings.inputs {
            let array = MLShapedArray<Int32>(
                scalars: try input.values(named: name), shape: [1, input.length]
            )
            values[name] = MLFeatureValue(multiArray: MLMultiArray(array))
        }
        return try MLDictionaryFeatureProvider(dictionary: values)
    }

    /// Float16 outputs are widened.
    private func tensor(_ name: String, of output: MLFeatureProvider) throws -> Tensor {
        guard let array = output.featureValue(for: name)?.multiArrayValue else {
            throw TextModelsError.wrongModel("it gives no “\(name)”")
        }
        let converted = MLShapedArray<Float>(converting: array)
        return Tensor(shape: converted.shape, scalars: converted.scalars)
    }
}
#endif
