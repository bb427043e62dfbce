import COnnxRuntime
import Foundation
import TextModels

/// Runs the graphs of a package with ONNX Runtime, where there is no Core ML.
///
/// The graphs are those that `coreml-simulator to-onnx` writes of each function of the package:
/// `ios_app/Tools/make_graphs.py` makes a folder of them.
public final class ONNXPredictor: ModelPredictor {
    public let settings: ModelSettings
    /// By length.
    private let sessions: [Int: Session]

    /// - Parameters:
    ///   - graphs: folder with FUNCTION.onnx for each function, or NAME.onnx for a package with
    ///     one function.
    ///   - library: ONNX Runtime's C library; nil: libonnxruntime.so in the folder of the graphs.
    ///   - threads: 0: one for each core.
    /// - Throws: `TextModelsError`: a graph is missing, or the library or a graph cannot be opened.
    public init(_ bundle: ModelBundle, graphs: URL, library: URL? = nil, threads: Int = 0) throws {
        settings = bundle.settings
        let library = library ?? graphs.appendingPathComponent("libonnxruntime.so")
        guard FileManager.default.fileExists(atPath: library.path) else {
            throw TextModelsError.missingFile(library.lastPathComponent)
        }
        let package = URL(fileURLWithPath: bundle.settings.package).deletingPathExtension()
        var opened: [String: Session] = [:]
        var sessions: [Int: Session] = [:]
        for length in bundle.settings.lengths {
            let name = bundle.settings.function(for: length) ?? package.lastPathComponent
            if opened[name] == nil {
                let graph = graphs.appendingPathComponent("\(name).onnx")
                guard FileManager.default.fileExists(atPath: graph.path) else {
                    throw TextModelsError.missingFile(graph.lastPathComponent)
                }
                opened[name] = try Session(library: library, graph: graph, threads: threads)
            }
            sessions[length] = opened[name]
        }
        self.sessions = sessions
    }

    public func predict(_ input: ModelInput) async throws -> ModelOutputs {
        guard let session = sessions[input.length] else {
            throw TextModelsError.wrongModel("it takes no \(input.length) tokens")
        }
        let values = try settings.inputs.map { try input.values(named: $0) }
        let start = ContinuousClock.now
        let tensors = try session.run(
            inputs: zip(settings.inputs, values).map { ($0, $1) },
            length: input.length,
            outputs: settings.outputs
        )
        let elapsed = ContinuousClock.now - start
        return ModelOutputs(
            tensors: Dictionary(zip(settings.outputs, tensors)) { first, _ in first },
            milliseconds: elapsed.milliseconds
        )
    }
}

/// One graph. ONNX Runtime takes runs of one session from several threads, and the pointer is set
/// once: sharing it is safe.
private final class Session: @unchecked Sendable {
    private let pointer: OpaquePointer

    init(library: URL, graph: URL, threads: Int) throws {
        var opened: OpaquePointer?
        let message = onnx_open(library.path, graph.path, Int32(clamping: threads), &opened)
        if let reason = Self.text(of: message) {
            throw TextModelsError.badFile(name: graph.lastPathComponent, reason: reason)
        }
        guard let opened else { throw TextModelsError.missingFile(graph.lastPathComponent) }
        pointer = opened
    }

    deinit { onnx_close(pointer) }

    func run(
        inputs: [(name: String, values: [Int32])], length: Int, outputs: [String]
    ) throws -> [Tensor] {
        let inputNames = inputs.map { strdup($0.name) }
        let outputNames = outputs.map { strdup($0) }
        defer { (inputNames + outputNames).forEach { free($0) } }
        // One block of memory for all inputs, so that the pointers to it live as long as the call.
        let scalars = inputs.flatMap(\.values)
        var found = [onnx_output](repeating: onnx_output(), count: outputs.count)
        let message = scalars.withUnsafeBufferPointer { block in
            onnx_run(
                pointer,
                inputNames.map { UnsafePointer($0) },
                inputs.indices.map { number in block.baseAddress.map { $0 + length * number } },
                inputs.count,
                length,
                outputNames.map { UnsafePointer($0) },
                &found,
                outputs.count
            )
        }
        if let reason = Self.text(of: message) { throw TextModelsError.wrongModel(reason) }
        defer { onnx_release(&found, outputs.count) }
        return found.map { output in
            let shape = withUnsafeBytes(of: output.shape) {
                $0.bindMemory(to: Int64.self).prefix(output.axes).map { Int($0) }
            }
            let scalars = UnsafeBufferPointer(start: output.values, count: output.count)
            return Tensor(shape: shape, scalars: Array(scalars))
        }
    }

    private static func text(of message: UnsafeMutablePointer<CChar>?) -> String? {
        guard let message else { return nil }
        defer { free(message) }
        return String(cString: message)
    }
}
