import Foundation
import Observation
import TextModels
import TextModelsCoreML

/// A question came while the benchmark has the device to itself.
struct BenchmarkIsRunning: LocalizedError {
    var errorDescription: String? { "The benchmark is running. Ask again when it is done." }
}

/// The models that the app carries, and the predictors loaded from them.
@MainActor
@Observable
final class ModelStore {
    let bundles: [ModelBundle]
    /// Folders that are no usable model, and why.
    let problems: [String]
    /// Whether a benchmark runs: the models leave the memory, which is measured too, and questions
    /// are refused.
    var isMeasuring = false { didSet { if isMeasuring { answerers = [:] } } }
    private var answerers: [String: QuestionAnswerer] = [:]

    /// Folder in the app with one folder a model, copied as it is (a folder reference in Xcode).
    nonisolated static var modelsDirectory: URL {
        Bundle.main.bundleURL.appendingPathComponent("Models", isDirectory: true)
    }

    init(directory: URL = ModelStore.modelsDirectory) {
        let library = ModelLibrary(directory: directory, task: "qa")
        bundles = library.bundles
        problems = library.problems.map { "\($0.name): \($0.reason)" }
    }

    func bundle(_ id: ModelBundle.ID) -> ModelBundle? {
        bundles.first { $0.id == id }
    }

    /// What answers with a model; compiled and loaded at the first call, away from the main thread.
    ///
    /// - Throws: `BenchmarkIsRunning`, even when it began during the loading; `CancellationError`;
    ///   whatever loading throws.
    func answerer(for bundle: ModelBundle, on unit: ComputeUnit) async throws -> QuestionAnswerer {
        if isMeasuring { throw BenchmarkIsRunning() }
        let key = Self.key(bundle, unit)
        if let ready = answerers[key] { return ready }
        let loaded = try await Self.load(bundle, on: unit)
        try Task.checkCancellation()
        if isMeasuring { throw BenchmarkIsRunning() }
        answerers[key] = loaded
        return loaded
    }

    /// Lets go of loaded models, each with its weights in memory, except those that are named.
    func unload(except bundles: [ModelBundle], on unit: ComputeUnit) {
        let kept = bundles.map { Self.key($0, unit) }
        answerers = answerers.filter { kept.contains($0.key) }
    }

    private static func key(_ bundle: ModelBundle, _ unit: ComputeUnit) -> String {
        "\(bundle.id)/\(unit.rawValue)"
    }

    private nonisolated static func load(
        _ bundle: ModelBundle, on unit: ComputeUnit
    ) async throws -> QuestionAnswerer {
        let predictor = try await CoreMLPredictor.load(bundle, computeUnit: unit)
        return try QuestionAnswerer(tokenizer: try bundle.tokenizer(), predictor: predictor)
    }
}
