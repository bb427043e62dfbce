/// Numbers with a shape, in row-major order.
public struct Tensor: Equatable, Sendable {
    public let shape: [Int]
    public let scalars: [Float]

    public init(shape: [Int], scalars: [Float]) {
        self.shape = shape
        self.scalars = scalars
    }

    /// Whether there are as many numbers as the shape says.
    var hasShape: Bool {
        var count = 1
        for axis in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: axis)
            guard axis >= 0, !overflow else { return false }
            count = product
        }
        return count == scalars.count
    }
}

/// What a package gives for one input.
public struct ModelOutputs: Sendable {
    /// By the names that model.json has.
    public let tensors: [String: Tensor]
    /// Neural inference alone: no tokenization, no padding, no copying of the result.
    public let milliseconds: Double

    public init(tensors: [String: Tensor], milliseconds: Double) {
        self.tensors = tensors
        self.milliseconds = milliseconds
    }

    /// The numbers of an output of shape (1, count).
    ///
    /// - Throws: `TextModelsError.badOutput`: there is no such output, it has another shape, or
    ///   some of it is not a finite number.
    func row(_ name: String) throws -> [Float] {
        let tensor = try tensor(name, axes: 2)
        guard tensor.scalars.allSatisfy(\.isFinite) else {
            throw TextModelsError.badOutput("some numbers of “\(name)” are not finite")
        }
        return tensor.scalars
    }

    /// The first rows of an output of shape (1, length, width).
    ///
    /// - Throws: as `row(_:)`.
    func rows(_ name: String, count: Int) throws -> [[Float]] {
        let tensor = try tensor(name, axes: 3)
        let width = tensor.shape[2]
        guard tensor.shape[1] >= count, width > 0 else {
            throw TextModelsError.badOutput("“\(name)” has fewer rows than tokens")
        }
        let rows = (0..<count).map { Array(tensor.scalars[($0 * width)..<(($0 + 1) * width)]) }
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            throw TextModelsError.badOutput("some numbers of “\(name)” are not finite")
        }
        return rows
    }

    private func tensor(_ name: String, axes: Int) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw TextModelsError.badOutput("there is no “\(name)”")
        }
        guard tensor.shape.count == axes, tensor.shape[0] == 1,
            tensor.hasShape
        else {
            throw TextModelsError.badOutput("“\(name)” has the shape \(tensor.shape)")
        }
        return tensor
    }
}

/// A model of any task, whatever runs it: Core ML, Core AI or ONNX Runtime.
public protocol ModelPredictor: Sendable {
    var settings: ModelSettings { get }

    /// - Throws: `TextModelsError.wrongModel`: the package does not take the input's length.
    func predict(_ input: ModelInput) async throws -> ModelOutputs
}
