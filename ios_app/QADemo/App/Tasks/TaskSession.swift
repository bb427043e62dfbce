import Foundation
import Observation
import TextModels

/// What the screen of a task shows and does.
@MainActor
@Observable
final class TaskSession {
    enum Outcome {
        case working
        case answered(TaskResult)
        case failed(String)
    }

    let kind: TaskKind
    let store: ModelStore
    var text: String { didSet { forget(oldValue != text) } }
    /// One label, sentence or passage a line.
    var lines: String { didSet { forget(oldValue != lines) } }
    var model: ModelBundle.ID? { didSet { forget(oldValue != model) } }
    private(set) var outcome: Outcome?
    private var task: Task<Void, Never>?

    init(kind: TaskKind, store: ModelStore) {
        self.kind = kind
        self.store = store
        text = kind.sampleText
        lines = kind.sampleLines.joined(separator: "\n")
        model = store.bundles(for: kind.task).first?.id
    }

    var bundles: [ModelBundle] { store.bundles(for: kind.task) }
    var bundle: ModelBundle? { model.flatMap(store.bundle) ?? bundles.first }

    /// Asks the model; one that is asked no more is let go.
    func run() {
        guard let bundle else { return }
        task?.cancel()
        outcome = .working
        let (kind, text) = (kind, text)
        let lines = lines.split(whereSeparator: \.isNewline).map(String.init)
        task = Task {
            let outcome: Outcome
            do {
                await store.unload(except: [bundle], LoadOptions())
                let ready = try await store.model(for: bundle)
                outcome = .answered(try await kind.ask(ready, text, lines))
            } catch {
                outcome = .failed(error.localizedDescription)
            }
            if !Task.isCancelled { self.outcome = outcome }
        }
    }

    private func forget(_ changed: Bool) {
        guard changed else { return }
        task?.cancel()
        outcome = nil
    }
}
