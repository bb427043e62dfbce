#if canImport(CoreAI)
import CoreAI
import TextModels
import os

/// Runs an asset with Core AI.
@available(iOS 27.0, macOS 27.0, *)
public struct CoreAIPredictor: ModelPredictor {
    public let settings: ModelSettings
    /// By length: the asset has an entry point for each, with one set of weights.
    private let functions: [Int: InferenceFunction]
    private let signposter = OSSignposter(subsystem: "TextModels", category: "Inference")

    /// - Throws: `TextModelsError.wrongModel`: the asset has no entry point for a length, or its
    ///   inputs and outputs are not those of the settings.
    init(model: AIModel, settings: ModelSettings) throws {
        self.settings = settings
        var functions: [Int: InferenceFunction] = [:]
        for length in settings.lengths {
            let name = settings.function(for: length) ?? "length_\(length)"
            guard let function = try model.loadFunction(named: name) else {
                throw TextModelsError.wrongModel("it has no entry point “\(name)”")
            }
            try Self.check(function.descriptor, settings)
            functions[length] = function
        }
        self.functions = functions
    }

    private static func check(
        _ descriptor: InferenceFunctionDescriptor, _ settings: ModelSettings
    ) throws {
        guard Set(descriptor.inputNames) == Set(settings.inputs) else {
            throw TextModelsError.wrongModel("its inputs are \(descriptor.inputNames.sorted())")
        }
        guard Set(descriptor.outputNames).isSuperset(of: settings.outputs) else {
            throw TextModelsError.wrongModel("its outputs are \(descriptor.outputNames.sorted())")
        }
    }

    /// The clock and the signpost enclose the prediction alone: the input is ready before, the
    /// output is copied after.
    public func predict(_ input: ModelInput) async throws -> ModelOutputs {
        guard let function = functions[input.length] else {
            throw TextModelsError.wrongModel("it takes no \(input.length) tokens")
        }
        var inputs: [String: NDArray] = [:]
        for name in settings.inputs {
            inputs[name] = NDArray(
                scalars: try input.values(named: name), shape: [1, input.length]
            )
        }
        let interval = signposter.beginInterval("prediction")
        let start = ContinuousClock.now
        var outputs = try await function.run(inputs: inputs)
        let elapsed = ContinuousClock.now - start
        signposter.endInterval("prediction", interval)
        var tensors: [String: Tensor] = [:]
        for name in settings.outputs {
            guard let array = outputs.remove(name)?.ndArray else {
                throw TextModelsError.wrongModel("it gives no “\(name)”")
            }
            tensors[name] = Tensor(shape: array.shape, scalars: try array.floats())
        }
        return ModelOutputs(tensors: tensors, milliseconds: elapsed.milliseconds)
    }
}

@available(iOS 27.0, macOS 27.0, *)
extension NDArray {
    /// The numbers row by row, whatever their layout in memory; half precision is widened.
    func floats() throws -> [Float] {
        switch scalarType {
        case .float32:
            return read(as: Float.self) { $0 }
        #if !(os(macOS) && arch(x86_64))
        case .float16:
            return read(as: Float16.self) { Float($0) }
        #endif
        default:
            throw TextModelsError.wrongModel("its outputs are neither float32 nor float16")
        }
    }

    private func read<Scalar: BitwiseCopyable>(
        as type: Scalar.Type, _ convert: (Scalar) -> Float
    ) -> [Float] {
        view(as: type).withUnsafePointer { pointer, shape, strides in
            var count = 1
            for axis in 0..<shape.count { count *= shape[axis] }
            var floats: [Float] = []
            floats.reserveCapacity(count)
            for number in 0..<count {
                var (rest, place) = (number, 0)
                for axis in (0..<shape.count).reversed() {
                    place += rest % shape[axis] * strides[axis]
                    rest /= shape[axis]
                }
                floats.append(convert(pointer[place]))
            }
            return floats
        }
    }
}
#endif
