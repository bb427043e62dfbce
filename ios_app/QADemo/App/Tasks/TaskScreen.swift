import SwiftUI
import TextModels

/// The tasks beside questions, each with a screen.
struct TaskList: View {
    let store: ModelStore

    var body: some View {
        NavigationStack {
            List(TaskKind.all) { kind in
                NavigationLink {
                    TaskScreen(session: TaskSession(kind: kind, store: store))
                } label: {
                    Label {
                        Text(kind.title)
                    } icon: {
                        Image(systemName: kind.symbol)
                    }
                }
                .accessibilityIdentifier("task-\(kind.id)")
            }
            .navigationTitle("Texts")
        }
    }
}

/// A text, what the task needs beside it, and what the model says.
struct TaskScreen: View {
    @State var session: TaskSession

    var body: some View {
        Group {
            if session.bundles.isEmpty {
                NoModelView(task: session.kind.task, problems: session.store.problems)
            } else {
                form
            }
        }
        .navigationTitle(Text(session.kind.title))
    }

    private var state: ModelStore.State? { session.bundle.flatMap { session.store.states[$0.id] } }

    private var form: some View {
        Form {
            Section("Text") {
                TextField("Text", text: $session.text)
                    .submitLabel(.search)
                    .onSubmit { session.run() }
                    .accessibilityIdentifier("task-text")
            }
            if let label = session.kind.lines {
                Section(String(localized: label)) {
                    TextEditor(text: $session.lines)
                        .accessibilityLabel(Text(label))
                        .accessibilityIdentifier("task-lines")
                }
            }
            Section {
                Button("Run", systemImage: "play.fill") { session.run() }
                    .accessibilityIdentifier("task-run")
            }
            switch session.outcome {
            case nil:
                EmptyView()
            case .working:
                WorkingView(state: state)
            case .failed(let reason):
                Label(reason, systemImage: "exclamationmark.triangle")
            case .answered(let result):
                TaskResultView(result: result, text: session.text)
            }
            Section("Model") {
                Picker("Model", selection: $session.model) {
                    ForEach(session.bundles) { Text($0.title).tag(Optional($0.id)) }
                }
                if case .ready(let model) = state { ChecksView(model: model) }
            }
        }
        .scrollDismissesKeyboard(.interactively)
    }
}

struct TaskListPreviews: PreviewProvider {
    static var previews: some View {
        TaskList(store: ModelStore(directories: []))
    }
}
