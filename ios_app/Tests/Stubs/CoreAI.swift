// Stub of the calls that TextModelsCoreAI makes, from Apple's documentation of Core AI (iOS 27);
// README.md says what for.
import Foundation

@available(iOS 27.0, macOS 27.0, *)
public enum ComputeUnitKind: Hashable, Sendable {
    case cpu, gpu, neuralEngine
}

@available(iOS 27.0, macOS 27.0, *)
public struct SpecializationOptions: Sendable {
    public static let `default` = SpecializationOptions(preferredComputeUnitKind: .cpu)
    public static let cpuOnly = SpecializationOptions(preferredComputeUnitKind: .cpu)
    public init(preferredComputeUnitKind: ComputeUnitKind) { fatalError() }
    public var allowedComputeUnitKinds: Set<ComputeUnitKind> { fatalError() }
    public var preferredComputeUnitKind: ComputeUnitKind? { fatalError() }
    public var expectFrequentReshapes: Bool { get { fatalError() } set {} }
}

@available(iOS 27.0, macOS 27.0, *)
public final class AIModelCache: Sendable {
    public struct Policy: Sendable { public static let `default` = Policy() }

    public static let `default` = AIModelCache()
    public func model(for modelURL: URL, options: SpecializationOptions) throws -> AIModel? {
        fatalError()
    }
}

@available(iOS 27.0, macOS 27.0, *)
public struct AIModel: Sendable {
    public init(contentsOf modelURL: URL, options: SpecializationOptions = .default) async throws {
        fatalError()
    }
    @discardableResult
    public static func specialize(
        contentsOf modelURL: URL, options: SpecializationOptions = .default,
        cache: AIModelCache = .default, cachePolicy: AIModelCache.Policy = .default
    ) async throws -> AIModel { fatalError() }
    public var functionNames: [String] { fatalError() }
    public func functionDescriptor(for functionName: String) -> InferenceFunctionDescriptor? {
        fatalError()
    }
    public func loadFunction(named functionName: String) throws -> InferenceFunction? {
        fatalError()
    }
}

@available(iOS 27.0, macOS 27.0, *)
public struct InferenceFunctionDescriptor: Sendable {
    public var name: String { fatalError() }
    public var inputNames: [String] { fatalError() }
    public var outputNames: [String] { fatalError() }
}

@available(iOS 27.0, macOS 27.0, *)
public struct InferenceFunction: Sendable {
    public struct MutableViews: ~Copyable { public init() {} }

    public struct Outputs: ~Copyable {
        public mutating func remove(_ name: String) -> InferenceValue? { fatalError() }
    }

    public let descriptor: InferenceFunctionDescriptor
    public func run(
        inputs: [String: NDArray],
        states: consuming MutableViews = MutableViews(),
        outputViews: consuming MutableViews = MutableViews()
    ) async throws -> Outputs { fatalError() }
}

/// Apple's is not copyable; Swift 6.0's compiler fails at `?.ndArray` of such a value.
@available(iOS 27.0, macOS 27.0, *)
public struct InferenceValue {
    public var ndArray: NDArray? { fatalError() }
}

/// Of Swift 6.2's own library, which Apple's systems have.
public struct Span<Element>: ~Copyable {
    public var count: Int { fatalError() }
    public subscript(_ position: Int) -> Element { fatalError() }
}

@available(iOS 27.0, macOS 27.0, *)
public struct NDArray: Sendable {
    public enum ScalarType: Hashable, Sendable {
        case bool, int8, uint8, int16, uint16, int32, uint32, int64, uint64
        case float16, bfloat16, float32, float64
    }

    public struct View<Element: BitwiseCopyable>: ~Copyable {
        public borrowing func withUnsafePointer<Result>(
            _ body: (UnsafePointer<Element>, borrowing Span<Int>, borrowing Span<Int>) throws -> Result
        ) rethrows -> Result { fatalError() }
    }

    public init<Scalar: BitwiseCopyable>(scalars: some Sequence<Scalar>, shape: [Int]) {
        fatalError()
    }
    public var shape: [Int] { fatalError() }
    public var scalarType: ScalarType { fatalError() }
    public func view<T: BitwiseCopyable>(as type: T.Type = T.self) -> View<T> { fatalError() }
}
