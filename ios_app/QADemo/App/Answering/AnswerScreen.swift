import TextModels
import SwiftUI

/// A passage, a question, and the answers of one or two models.
struct AnswerScreen: View {
    @State var session: AnswerSession
    @State private var isEditing = false

    var body: some View {
        NavigationStack {
            Group {
                if session.bundles.isEmpty {
                    NoModelView(task: .questionAnswering, problems: session.store.problems)
                } else {
                    form
                }
            }
            .navigationTitle("Ask a passage")
            .toolbar { SampleMenu(session: session) }
            .sheet(isPresented: $isEditing) { PassageEditor(passage: $session.passage) }
        }
    }

    private var form: some View {
        Form {
            Section("Question") {
                // One line: in a vertical field the Return key inserts a line instead of searching.
                TextField("Question", text: $session.question)
                    .submitLabel(.search)
                    .onSubmit { session.ask() }
                    .accessibilityIdentifier("question")
                Button("Find the answer", systemImage: "magnifyingglass") { session.ask() }
                    .disabled(session.models.isEmpty)
                    .accessibilityIdentifier("find")
            }
            ForEach(session.models) { model in
                if let outcome = session.outcomes[model.id] {
                    Section(model.title) {
                        OutcomeView(outcome: outcome, state: session.store.states[model.id])
                    }
                }
            }
            Section("Passage") {
                HighlightedPassage(passage: session.passage, answer: session.best)
                Button("Edit or paste", systemImage: "square.and.pencil") { isEditing = true }
            }
            ModelSection(session: session)
        }
        .scrollDismissesKeyboard(.interactively)
        .task { await session.prewarm() }
        .onChange(of: session.best) { _, best in Self.announce(best) }
    }

    /// The mark in the passage is seen alone: VoiceOver says the answer.
    private static func announce(_ answer: Answer?) {
        guard let answer, !answer.range.isEmpty else { return }
        AccessibilityNotification.Announcement(answer.text).post()
    }
}

/// The choice of models and of the hardware they may use.
private struct ModelSection: View {
    @Bindable var session: AnswerSession

    var body: some View {
        Section("Model") {
            Picker("Model", selection: $session.firstModel) {
                ForEach(session.bundles) { Text($0.title).tag(Optional($0.id)) }
            }
            Picker("Compare with", selection: $session.secondModel) {
                Text("None").tag(ModelBundle.ID?.none)
                ForEach(session.bundles) { Text($0.title).tag(Optional($0.id)) }
            }
            Picker("Compute units", selection: $session.computeUnit) {
                ForEach(ComputeUnit.allCases, id: \.self) { Text($0.title).tag($0) }
            }
            ForEach(session.store.problems, id: \.self) { problem in
                Label(problem, systemImage: "exclamationmark.triangle").font(.footnote)
            }
        }
    }
}

/// The samples with their questions.
private struct SampleMenu: View {
    let session: AnswerSession

    var body: some View {
        Menu("Samples", systemImage: "book") {
            ForEach(Sample.all) { sample in
                Menu(sample.title) {
                    ForEach(sample.questions, id: \.self) { question in
                        Button(question) {
                            session.use(sample)
                            session.question = question
                            session.ask()
                        }
                    }
                }
            }
        }
    }
}

struct AnswerScreenPreviews: PreviewProvider {
    static var previews: some View {
        AnswerScreen(session: AnswerSession(store: ModelStore(directories: [])))
    }
}
