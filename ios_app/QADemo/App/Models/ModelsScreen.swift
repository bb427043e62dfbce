import SwiftUI
import TextModels

/// The models: which there are, whether they are loaded, and whether they compute rightly here.
struct ModelsScreen: View {
    let store: ModelStore
    @State var download: ModelDownload

    var body: some View {
        NavigationStack {
            List {
                ForEach(store.bundles) { bundle in
                    Section(bundle.id) { rows(bundle) }
                }
                if !store.problems.isEmpty {
                    Section("Cannot be used") {
                        ForEach(store.problems, id: \.self) { problem in
                            Label(problem, systemImage: "exclamationmark.triangle")
                        }
                    }
                }
                DownloadSection(download: download)
            }
            .navigationTitle("Models")
        }
    }

    @ViewBuilder
    private func rows(_ bundle: ModelBundle) -> some View {
        Text(bundle.title)
        switch store.states[bundle.id] {
        case nil:
            Button("Load now", systemImage: "arrow.down.to.line") {
                Task { await store.prewarm(bundle) }
            }
            .accessibilityIdentifier("load-\(bundle.id)")
        case .loading:
            WorkingView(state: store.states[bundle.id])
            Button("Cancel", systemImage: "xmark", role: .cancel) {
                Task { await store.forget(bundle) }
            }
        case .failed(let reason):
            Label(reason, systemImage: "exclamationmark.triangle")
        case .ready(let model):
            ChecksView(model: model)
            Text(facts(model)).font(.footnote).foregroundStyle(.secondary)
            Button("Take out of memory", systemImage: "eject") {
                Task { await store.forget(bundle) }
            }
        }
    }

    private func facts(_ model: LoadedModel) -> String {
        let size = Int64(model.bytes).formatted(.byteCount(style: .file))
        let loading = model.loadMilliseconds.formatted(.number.precision(.fractionLength(0)))
        return String(localized: "\(model.framework.title), \(size), loaded in \(loading) ms")
    }
}

struct ModelsScreenPreviews: PreviewProvider {
    static var previews: some View {
        let store = ModelStore(directories: [])
        ModelsScreen(store: store, download: ModelDownload(store: store))
    }
}
