import Foundation
import Observation
import TextModels
import TextModelsCoreAI
import TextModelsCoreML

/// A question came while the benchmark has the device to itself.
struct BenchmarkIsRunning: LocalizedError {
    var errorDescription: String? {
        String(localized: "The benchmark is running. Ask again when it is done.")
    }
}

/// A model in memory with what turns text into its input.
struct ReadyModel: Sendable {
    let model: LoadedModel
    let tokenizer: any Tokenizer

    var predictor: any ModelPredictor { model.predictor }
}

/// The models that the app can use, and those that are loaded.
@MainActor
@Observable
final class ModelStore {
    /// Where a model stands.
    enum State {
        case loading(LoadPhase)
        case ready(LoadedModel)
        case failed(String)
    }

    private struct Key: Hashable, Sendable {
        let id: ModelBundle.ID
        let options: LoadOptions
    }

    private(set) var bundles: [ModelBundle] = []
    /// Folders that are no usable model, and why.
    private(set) var problems: [String] = []
    private(set) var states: [ModelBundle.ID: State] = [:]
    /// Whether a benchmark runs: the models leave the memory, which is measured too, and questions
    /// are refused.
    private(set) var isMeasuring = false
    let loader: ModelLoader
    private let queue = LoadQueue<Key, ReadyModel>()
    private let directories: [URL]

    /// Folder in the app with one folder a model, copied as it is (a folder reference in Xcode).
    nonisolated static var modelsDirectory: URL {
        Bundle.main.bundleURL.appendingPathComponent("Models", isDirectory: true)
    }

    /// Folder of the models that were downloaded.
    nonisolated static var downloadsDirectory: URL {
        FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
            .appendingPathComponent("Models", isDirectory: true)
    }

    init(
        directories: [URL] = [ModelStore.modelsDirectory, ModelStore.downloadsDirectory],
        loader: ModelLoader = ModelLoader([.coreAI, .coreML])
    ) {
        self.directories = directories
        self.loader = loader
        refresh()
    }

    /// Looks for models again.
    func refresh() {
        let libraries = directories.map { ModelLibrary(directory: $0) }
        var found: [ModelBundle] = []
        // A download goes before the model of the same name in the app.
        for bundle in libraries.reversed().flatMap(\.bundles)
        where !found.contains(where: { $0.id == bundle.id }) { found.append(bundle) }
        bundles = found.filter { TextTask(rawValue: $0.settings.task) != nil }
        let others = found.filter { TextTask(rawValue: $0.settings.task) == nil }
        problems = libraries.flatMap(\.problems).map { "\($0.name): \($0.reason)" }
            + others.map { bundle in
                let (id, task) = (bundle.id, bundle.settings.task)
                return String(localized: "\(id): the app has no screen for the task “\(task)”")
            }
    }

    func bundle(_ id: ModelBundle.ID) -> ModelBundle? {
        bundles.first { $0.id == id }
    }

    /// The models for a task.
    func bundles(for task: TextTask) -> [ModelBundle] {
        bundles.filter { $0.settings.task == task.rawValue }
    }

    /// A model, loaded at the first call, away from the main thread and one at a time.
    ///
    /// - Throws: `BenchmarkIsRunning`, even when it began during the loading; `CancellationError`;
    ///   whatever loading throws.
    func model(
        for bundle: ModelBundle, _ options: LoadOptions = LoadOptions()
    ) async throws -> ReadyModel {
        if isMeasuring { throw BenchmarkIsRunning() }
        let (id, loader) = (bundle.id, loader)
        do {
            let ready = try await queue.value(
                for: Key(id: id, options: options),
                report: { [weak self] phase in await self?.show(phase, of: id) }
            ) { report in
                let tokenizer = try bundle.tokenizer()
                let model = try await loader.load(bundle, options, report: report)
                return ReadyModel(model: model, tokenizer: tokenizer)
            }
            states[id] = .ready(ready.model)
            return ready
        } catch {
            if isMeasuring { throw BenchmarkIsRunning() }
            states[id] = error is CancellationError ? nil : .failed(error.localizedDescription)
            throw error
        }
    }

    /// Loads a model before it is asked, so that the first answer does not wait.
    func prewarm(_ bundle: ModelBundle, _ options: LoadOptions = LoadOptions()) async {
        _ = try? await model(for: bundle, options)
    }

    /// Lets go of loaded models, each with its weights in memory, except those that are named.
    func unload(except bundles: [ModelBundle], _ options: LoadOptions) async {
        let kept = Set(bundles.map(\.id))
        states = states.filter { kept.contains($0.key) }
        await queue.keep(only: Set(kept.map { Key(id: $0, options: options) }))
    }

    /// Cancels the loading of a model, or takes it out of memory.
    func forget(_ bundle: ModelBundle) async {
        let id = bundle.id
        await queue.forget { $0.id == id }
        states[id] = nil
    }

    /// Takes all models out of memory and refuses questions until `endMeasuring`.
    func beginMeasuring() async {
        isMeasuring = true
        states = [:]
        await queue.keep(only: [])
    }

    func endMeasuring() { isMeasuring = false }

    private func show(_ phase: LoadPhase, of id: ModelBundle.ID) {
        if !isMeasuring { states[id] = .loading(phase) }
    }
}
