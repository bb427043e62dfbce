import SwiftUI

@main
struct QADemoApp: App {
    @State private var store = ModelStore()

    var body: some Scene {
        WindowGroup {
            TabView {
                AnswerScreen(session: AnswerSession(store: store))
                    .tabItem { Label("Ask", systemImage: "text.magnifyingglass") }
                TaskList(store: store)
                    .tabItem { Label("Texts", systemImage: "text.alignleft") }
                ModelsScreen(store: store, download: ModelDownload(store: store))
                    .tabItem { Label("Models", systemImage: "shippingbox") }
                BenchmarkScreen(session: BenchmarkSession(store: store))
                    .tabItem { Label("Benchmark", systemImage: "gauge.with.needle") }
            }
        }
        // The system starts the app when a download has ended meanwhile: the session, made anew,
        // puts the file where the next download looks for it.
        .backgroundTask(.urlSession(ModelDownload.session)) { _ = ModelDownload.fetcher }
    }
}
