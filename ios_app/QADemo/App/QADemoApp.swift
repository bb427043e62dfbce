import SwiftUI

@main
struct QADemoApp: App {
    @State private var store = ModelStore()

    var body: some Scene {
        WindowGroup {
            TabView {
                AnswerScreen(session: AnswerSession(store: store))
                    .tabItem { Label("Ask", systemImage: "text.magnifyingglass") }
                BenchmarkScreen(session: BenchmarkSession(store: store))
                    .tabItem { Label("Benchmark", systemImage: "gauge.with.needle") }
            }
        }
    }
}
