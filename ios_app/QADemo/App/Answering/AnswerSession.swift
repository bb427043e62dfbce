import Foundation
import Observation
import TextModels

/// What the question screen shows and does.
@MainActor
@Observable
final class AnswerSession {
    /// Where one model stands with the question.
    enum Outcome {
        case working
        case answered(AnswerReport)
        case failed(String)
    }

    let store: ModelStore
    var passage: String { didSet { forgetAnswers(oldValue != passage) } }
    var question: String { didSet { forgetAnswers(oldValue != question) } }
    var computeUnit = ComputeUnit.all { didSet { forgetAnswers(oldValue != computeUnit) } }
    /// The model asked, and one beside it to compare with.
    var firstModel: ModelBundle.ID? { didSet { forgetAnswers(oldValue != firstModel) } }
    var secondModel: ModelBundle.ID? { didSet { forgetAnswers(oldValue != secondModel) } }
    private(set) var outcomes: [ModelBundle.ID: Outcome] = [:]
    private var task: Task<Void, Never>?

    init(store: ModelStore, sample: Sample = Sample.all[0]) {
        self.store = store
        passage = sample.passage
        question = sample.questions[0]
        firstModel = store.bundles(for: .questionAnswering).first?.id
    }

    var bundles: [ModelBundle] { store.bundles(for: .questionAnswering) }

    var models: [ModelBundle] {
        let first = firstModel.flatMap(store.bundle) ?? bundles.first
        let second = secondModel == first?.id ? nil : secondModel.flatMap(store.bundle)
        return [first, second].compactMap { $0 }
    }

    /// The answer to highlight: the first model's.
    var best: Answer? {
        guard let first = models.first, case .answered(let report) = outcomes[first.id] else {
            return nil
        }
        return report.value.first
    }

    func use(_ sample: Sample) {
        passage = sample.passage
        question = sample.questions[0]
    }

    /// Asks the models one after the other, so that neither slows the other's time; models that are
    /// no longer asked leave the memory.
    func ask() {
        task?.cancel()
        let (models, question, passage) = (models, question, passage)
        let options = LoadOptions(computeUnit: computeUnit)
        outcomes = Dictionary(uniqueKeysWithValues: models.map { ($0.id, .working) })
        task = Task {
            await store.unload(except: models, options)
            for model in models {
                let outcome = await answer(model, question, passage, options)
                if Task.isCancelled { return }
                outcomes[model.id] = outcome
            }
        }
    }

    /// Loads the model before it is asked.
    func prewarm() async {
        guard let model = models.first else { return }
        await store.prewarm(model, LoadOptions(computeUnit: computeUnit))
    }

    private func answer(
        _ model: ModelBundle, _ question: String, _ passage: String, _ options: LoadOptions
    ) async -> Outcome {
        do {
            let ready = try await store.model(for: model, options)
            let answerer = try QuestionAnswerer(
                tokenizer: ready.tokenizer, predictor: ready.predictor
            )
            return .answered(try await answerer.answer(question: question, passage: passage))
        } catch {
            return .failed(error.localizedDescription)
        }
    }

    private func forgetAnswers(_ changed: Bool) {
        guard changed else { return }
        task?.cancel()
        outcomes = [:]
    }
}
