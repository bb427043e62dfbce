import Foundation
import TextModels
import TextModelsCoreAI
import TextModelsCoreML
import TextModelsONNX

/// What can run a bundle here, by the names that `--runtime` takes.
enum Runtime {
    typealias Open = @Sendable (ModelBundle, Options) async throws -> any ModelPredictor

    /// The first is taken when none is named.
    static let all: [(name: String, open: Open)] = {
        var runtimes: [(name: String, open: Open)] = []
        #if canImport(CoreML)
        runtimes.append(("coreml", { bundle, _ in
            try await ModelLoader([.coreML]).load(bundle, checking: false).predictor
        }))
        #endif
        if let coreAI = FrameworkLoader.coreAI {
            runtimes.append(("coreai", { bundle, _ in
                try await ModelLoader([coreAI]).load(bundle, checking: false).predictor
            }))
        }
        runtimes.append(("onnx", openONNX))
        return runtimes
    }()

    static func open(_ bundle: ModelBundle, _ options: Options) async throws -> any ModelPredictor {
        let name = options["--runtime"] ?? all[0].name
        guard let runtime = all.first(where: { $0.name == name }) else {
            let names = all.map(\.name).joined(separator: ", ")
            throw UsageError(reason: "--runtime is \(name) (this machine has \(names))")
        }
        return try await runtime.open(bundle, options)
    }

    @Sendable
    private static func openONNX(
        _ bundle: ModelBundle, _ options: Options
    ) async throws -> any ModelPredictor {
        guard let graphs = options["--graphs"] else {
            throw UsageError(
                reason: "--graphs names no folder (ios_app/Tools/make_graphs.py makes one)"
            )
        }
        return try ONNXPredictor(
            bundle,
            graphs: URL(fileURLWithPath: graphs),
            library: options["--library"].map { URL(fileURLWithPath: $0) }
        )
    }
}
