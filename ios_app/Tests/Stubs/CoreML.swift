// Stub of the calls that TextModelsCoreML makes; README.md says what for.
import Foundation

public enum MLComputeUnits: Int, Sendable {
    case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine
}

public class MLModelConfiguration: NSObject {
    public var computeUnits: MLComputeUnits { get { fatalError() } set {} }
    public var functionName: String? { get { fatalError() } set {} }
    public var optimizationHints: MLOptimizationHints { get { fatalError() } set {} }
}

public struct MLOptimizationHints: Sendable {
    public enum ReshapeFrequency: Int, Sendable { case frequent, infrequent }
    public enum SpecializationStrategy: Int, Sendable { case `default`, fastPrediction }

    public init() {}
    public var reshapeFrequency = ReshapeFrequency.frequent
    public var specializationStrategy = SpecializationStrategy.default
}

public class MLFeatureDescription: NSObject {}

public class MLModelDescription: NSObject {
    public var inputDescriptionsByName: [String: MLFeatureDescription] { fatalError() }
    public var outputDescriptionsByName: [String: MLFeatureDescription] { fatalError() }
}

public class MLMultiArray: NSObject {
    public convenience init<Scalar: MLShapedArrayScalar>(_ shapedArray: MLShapedArray<Scalar>) {
        fatalError()
    }
}

public protocol MLShapedArrayScalar {}
extension Int32: MLShapedArrayScalar {}
extension Float: MLShapedArrayScalar {}
extension Double: MLShapedArrayScalar {}

public struct MLShapedArray<Scalar: MLShapedArrayScalar> {
    public init<S: Sequence>(scalars: S, shape: [Int]) where S.Element == Scalar { fatalError() }
    public init(converting multiArray: MLMultiArray) { fatalError() }
    public var scalars: [Scalar] { fatalError() }
    public var shape: [Int] { fatalError() }
}

public class MLFeatureValue: NSObject {
    public convenience init(multiArray value: MLMultiArray) { fatalError() }
    public var multiArrayValue: MLMultiArray? { fatalError() }
}

public protocol MLFeatureProvider {
    var featureNames: Set<String> { get }
    func featureValue(for featureName: String) -> MLFeatureValue?
}

public class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
    public init(dictionary: [String: Any]) throws { fatalError() }
    public var featureNames: Set<String> { fatalError() }
    public func featureValue(for featureName: String) -> MLFeatureValue? { fatalError() }
}

public class MLPredictionOptions: NSObject {}

public class MLModel: NSObject {
    public var modelDescription: MLModelDescription { fatalError() }
    public class func load(
        contentsOf url: URL, configuration: MLModelConfiguration = MLModelConfiguration()
    ) async throws -> MLModel { fatalError() }
    public class func compileModel(at modelURL: URL) async throws -> URL { fatalError() }
    public func prediction(from input: MLFeatureProvider) throws -> MLFeatureProvider {
        fatalError()
    }
    public func prediction(
        from input: MLFeatureProvider, options: MLPredictionOptions = MLPredictionOptions()
    ) async throws -> MLFeatureProvider { fatalError() }
}

public final class MLCPUComputeDevice: NSObject {}
public final class MLGPUComputeDevice: NSObject {}
public final class MLNeuralEngineComputeDevice: NSObject {}

public enum MLComputeDevice {
    case cpu(MLCPUComputeDevice)
    case gpu(MLGPUComputeDevice)
    case neuralEngine(MLNeuralEngineComputeDevice)
}

public enum MLModelStructure {
    public struct Program {
        public struct Operation {}
        public struct Block { public let operations: [Operation] }
        public struct Function { public let block: Block }
        public let functions: [String: Function]
    }

    case program(Program)
    case unsupported
}

public final class MLComputePlan {
    public struct DeviceUsage { public let preferred: MLComputeDevice }
    public struct Cost { public let weight: Double }

    public class func load(
        contentsOf url: URL, configuration: MLModelConfiguration
    ) async throws -> MLComputePlan { fatalError() }
    public var modelStructure: MLModelStructure { fatalError() }
    public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? {
        fatalError()
    }
    public func estimatedCost(of operation: MLModelStructure.Program.Operation) -> Cost? {
        fatalError()
    }
}
