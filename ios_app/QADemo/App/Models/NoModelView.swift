import SwiftUI

/// Shown when the app carries no model it can use.
struct NoModelView: View {
    let problems: [String]

    var body: some View {
        ContentUnavailableView {
            Label("No model", systemImage: "shippingbox")
        } description: {
            Text("Export one on your computer and build the app again:")
            Text("python -m export.coreml --app")
                .font(.footnote.monospaced())
                .textSelection(.enabled)
            ForEach(problems, id: \.self) { Text($0) }
        }
    }
}
